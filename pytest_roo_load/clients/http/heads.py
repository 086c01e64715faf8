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


class KnownHeads(dict[bytes, tuple[Head, int]]):
    """What heads mean, by their bytes, and how long the body is that follows: such an answer need not be parsed again.

    Servers send the same head over and over, until its Date changes. Only those are kept after which the connection
    stays open, and whose body came as it is, in one piece with the head.
    """

    def learn(self, data: bytes, response: Response) -> None:
        """Keep the head of an answer that was complete with `data`, and nothing but it, and that met the limits."""
        start = data.find(b"\r\n\r\n") + 4
        if len(data) - start == len(response.body):
            if len(self) >= _MOST:
                self.clear()
            self[data[:start]] = response.head, len(response.body)


@lru_cache(maxsize=16)
def known_heads(limits: Limits) -> KnownHeads:
    """The heads that clients with the same limits know; they share them."""
    del limits
    return KnownHeads()
