"""Heads of answers: status and headers, and the memory of those that were parsed before."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from pytest_roo_load.clients.http.response import Head, Response

__all__ = ["KnownHeads", "Limits", "known_heads"]

_MOST = 1024


class Limits(NamedTuple):
    """How much of an answer is put up with.

    Attributes:
        max_headers: The most headers.
        max_body_bytes: The longest body, unless it is streamed.
    """

    max_headers: int
    max_body_bytes: int


class Known(NamedTuple):
    """An answer's head that was parsed before.

    Attributes:
        text: Its bytes.
        length: How many these are.
        size: Bytes of the whole answer; 0 when the head is not known.
        head: What it means.
    """

    text: bytes
    length: int
    size: int
    head: Head


_UNKNOWN = Known(b"", 0, 0, Head(0, ()))


class KnownHeads(dict[bytes, Known]):
    """What heads mean, by their bytes, and how long the body is that follows: such an answer need not be parsed again.

    Servers send the same head over and over, until its Date changes. Only those are kept after which the connection
    stays open, and whose body came as it is, in one piece with the head.

    Attributes:
        latest: The head that was found last: the next one is most often the same, which is known sooner than its hash.
    """

    __slots__ = ("latest",)

    def __init__(self) -> None:
        self.latest = _UNKNOWN

    def clear(self) -> None:
        """Know nothing."""
        super().clear()
        self.latest = _UNKNOWN

    def find(self, data: bytes) -> Known:
        """What is known of the head of an answer, if the data is the whole answer and nothing but it."""
        known = self.get(data[: data.find(b"\r\n\r\n") + 4])
        if known is None or known.size != len(data):
            return _UNKNOWN
        self.latest = known
        return known

    def learn(self, data: bytes, response: Response) -> None:
        """Keep the head of an answer that was complete with `data`, and nothing but it, and that met the limits."""
        start = data.find(b"\r\n\r\n") + 4
        if len(data) - start == len(response.body):
            if len(self) >= _MOST:
                self.clear()
            self[data[:start]] = Known(data[:start], start, len(data), response.head)


@lru_cache(maxsize=16)
def known_heads(limits: Limits) -> KnownHeads:
    """The heads that clients with the same limits know; they share them."""
    del limits
    return KnownHeads()
