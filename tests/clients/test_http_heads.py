"""An answer whose head was seen before means what it would mean to the parser."""

from __future__ import annotations

import asyncio
from typing import Any

from client_lab import run
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_roo_load.clients.http.connection import Connection
from pytest_roo_load.clients.http.heads import KnownHeads, Limits, known_heads
from pytest_roo_load.clients.http.response import Head, Response
from pytest_roo_load.errors import OperationError

Told = tuple[int, tuple[tuple[bytes, bytes], ...], bytes, bool] | str


class Nobody:
    """Whose the connections are."""

    def forget(self, connection: Connection) -> None:
        del connection


class Wire(asyncio.Transport):
    """Takes what is sent, and knows whether it was closed."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        del data

    def close(self) -> None:
        return

    abort = close


def sized(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def asked(pieces: list[bytes], *, learning: bool) -> Told:
    """What one request on a new connection gets."""
    limits = Limits(20, 50)
    if not learning:
        known_heads(limits).clear()
    connection = Connection(Nobody(), limits)
    connection.connection_made(Wire())
    answer = connection.send(b"GET / HTTP/1.1\r\n\r\n", b"", 1.0)
    for piece in pieces:
        connection.data_received(piece)
    if not answer.done():
        connection.connection_lost(None)
    try:
        response = await answer
    except OperationError as error:
        return str(error)
    head = response.head
    return head.status, tuple(head.raw_headers), response.body, connection.idle


BODIES = st.binary(max_size=60)
ANSWERS = st.one_of(
    st.builds(sized, BODIES),
    st.builds(lambda body: sized(body, "Connection: close"), BODIES),
    st.builds(lambda body: sized(body, "Set-Cookie: a=b", status="404 Not Found"), BODIES),
    st.builds(lambda body: sized(body) + b"HTTP/1.1 200 OK\r\n\r\n", BODIES),
    st.builds(lambda body: b"HTTP/1.1 100 Continue\r\n\r\n" + sized(body), BODIES),
    st.builds(
        lambda body: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        st.binary(min_size=1, max_size=60),
    ),
    st.just(b"HTTP/1.1 204 No Content\r\n\r\n"),
    st.just(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"),
    st.just(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"),
    st.just(b"no HTTP\r\n\r\n"),
)


@settings(max_examples=30)
@given(st.lists(st.tuples(ANSWERS, st.integers(0, 200)), min_size=1, max_size=8))
def test_what_is_known_changes_no_answer(answers: list[tuple[bytes, int]]) -> None:
    async def main(*, learning: bool) -> list[Told]:
        known_heads(Limits(20, 50)).clear()
        cuts = [([data[:cut], data[cut:]] if 0 < cut < len(data) else [data]) for data, cut in answers]
        whole = [[data] for data, _ in answers]
        return [await asked(pieces, learning=learning) for pieces in [*whole, *cuts, *whole]]

    assert run(main(learning=True)) == run(main(learning=False))


def test_a_head_that_was_parsed_is_shared_by_those_that_follow() -> None:
    async def main() -> tuple[Any, Any]:
        known_heads(Limits(3, 3)).clear()
        connection = Connection(Nobody(), Limits(3, 3))
        connection.connection_made(Wire())
        responses = []
        for body in (b"abc", b"xyz"):
            answer = connection.send(b"GET / HTTP/1.1\r\n\r\n", b"", 1.0)
            connection.data_received(sized(body, "Set-Cookie: a=b"))
            responses.append(await answer)
        return responses[0], responses[1]

    first, second = run(main())
    assert first.head is second.head
    assert (first.body, second.body) == (b"abc", b"xyz")
    assert second.head.sets_cookies


def test_heads_that_take_turns_keep_their_meaning() -> None:
    known = KnownHeads()
    answers = [sized(b"abc"), sized(b"longer"), sized(b"abc", "X: 1")]
    for number, data in enumerate(answers):
        known.learn(data, Response.of(Head(200 + number, []), data.partition(b"\r\n\r\n")[2]))
    assert [known.find(data).head.status for data in answers * 2] == [200, 201, 202] * 2
    assert known.find(answers[0] + b"!").size == 0, "more than the answer"


def test_the_memory_of_heads_is_bounded() -> None:
    known = KnownHeads()
    for number in range(5000):
        head = b"HTTP/1.1 200 OK\r\nX: %d\r\n\r\n" % number
        known.learn(head + b"body", Response.of(Head(200, [(b"X", b"%d" % number)]), b"body"))
        assert known.find(head + b"body") == known.latest == (head, len(head), len(head) + 4, known[head].head)
    assert len(known) <= 1024
    assert known.latest.size > 0
    known.clear()
    assert known.latest.size == known.find(head + b"body").size == 0
