from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from client_lab import run, until
from raw_server import Peer, frame, serving
from websocket_lab import Lab, lab

from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.clients.websocket.client import WebSocketClient
from pytest_roo_load.clients.websocket.connection import Message, WebSocket
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import ConnectionLost, OperationError, OperationTimeout, UsageError

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
FAR = 1e18


async def echo(peer: Peer) -> None:
    while True:
        await peer.say(frame(TEXT, await peer.frame()))


def test_answers_out_of_order_go_to_their_questions() -> None:
    async def backwards(peer: Peer) -> None:
        for question in reversed([await peer.frame() for _ in range(5)]):
            await peer.say(frame(TEXT, question + b"!"))
        await peer.until_gone()

    async def main() -> tuple[list[Message], Lab]:
        async with lab(backwards) as one:
            ws = await one.open()
            answers = await asyncio.gather(*(ws.request(key, key=key, name="ask") for key in "abcde"))
            assert repr(ws) == "<WebSocket open, 0 questions open>"
        assert repr(ws) == "<WebSocket closed, 0 questions open>"
        return list(answers), one

    answers, one = run(main())
    assert answers == ["a!", "b!", "c!", "d!", "e!"]
    assert one.counted() == {"WS /ws": (1, {}, 0), "ask": (5, {}, 0)}


def test_a_wrong_answer_is_failed() -> None:
    async def main() -> Lab:
        async with lab(echo) as one:
            ws = await one.open()
            with pytest.raises(OperationError, match="wrong: a") as caught:
                await ws.request("a", key="a", name="ask", wrong=lambda message: f"wrong: {message!s}")
            assert caught.value.counted
            await ws.request("b", key="b", name="ask", wrong=lambda _message: None)
        return one

    assert run(main()).counted()["ask"] == (1, {"unexpected answer": 1}, 0)


def test_a_deadline_that_passes_ends_questions_and_readers_and_a_late_answer_disturbs_nobody() -> None:
    async def main() -> Lab:
        late = asyncio.Event()

        async def slow(peer: Peer) -> None:
            first = await peer.frame()
            await late.wait()
            await peer.say(frame(TEXT, first))
            await echo(peer)

        async with lab(slow) as one:
            ws = await one.open()
            question = asyncio.create_task(ws.request("a", key="a", name="ask"))
            reader = asyncio.create_task(ws.receive())
            await asyncio.sleep(0)
            one.sweeper.sweep(0.0)
            assert not question.done()
            one.sweeper.sweep(FAR)
            for waiting in (question, reader):
                with pytest.raises(OperationTimeout):
                    await waiting
            late.set()
            assert await ws.request("b", key="b", name="ask") == "b"
        return one

    one = run(main())
    assert one.counted()["ask"] == (1, {"timeout": 1}, 0)


@pytest.mark.parametrize(
    ("last_words", "kind", "text"),
    [
        pytest.param(frame(CLOSE, struct.pack("!H", 1008) + b"no"), "connection lost", "with code 1008 no", id="1008"),
        pytest.param(frame(CLOSE, struct.pack("!H", 4001)), "connection lost", "with code 4001", id="private code"),
        pytest.param(frame(CLOSE, b""), "connection lost", "was closed", id="no code"),
        pytest.param(b"", "connection lost", "was closed", id="no goodbye"),
        pytest.param(frame(TEXT, b"hel", fin=False), "connection lost", "was closed", id="half a message"),
        pytest.param(frame(TEXT, b"\xff"), "protocol", "cannot be understood", id="not UTF-8"),
        pytest.param(frame(TEXT, b"boom"), "protocol", "no letter in it", id="correlate raises"),
        pytest.param(frame(3, b"x"), "protocol", "invalid opcode", id="unknown opcode"),
    ],
)
def test_every_end_of_a_connection_ends_what_waits_for_it(last_words: bytes, kind: str, text: str) -> None:
    async def main() -> Lab:
        async def talk(peer: Peer) -> None:
            await peer.frame()
            await peer.say(last_words)

        async with lab(talk) as one:
            ws = await one.open()
            reader = asyncio.create_task(ws.receive())
            with pytest.raises(OperationError, match=text) as caught:
                await ws.request("a", key="a", name="ask")
            assert caught.value.kind == kind
            with pytest.raises(OperationError, match=text) as uncounted:
                await reader
            assert not uncounted.value.counted
            assert not ws.is_open
            with pytest.raises(ConnectionLost):
                await ws.receive()
            with pytest.raises(ConnectionLost):
                await ws.request("b", key="b", name="late")
        return one

    assert run(main()).counted() == {
        "WS /ws": (1, {}, 0),
        "ask": (0, {kind: 1}, 0),
        "late": (0, {"connection lost": 1}, 0),
    }


def test_a_close_without_a_code_is_answered_with_a_valid_one() -> None:
    async def main() -> bytes:
        heard: list[bytes] = []

        async def talk(peer: Peer) -> None:
            await peer.say(frame(CLOSE, b""))
            heard.append(await peer.frame())

        async with lab(talk) as one:
            ws = await one.open()
            await until(lambda: not ws.is_open)
            await until(lambda: heard)
        return heard[0]

    assert run(main()) == struct.pack("!H", 1000)


def test_fragments_with_a_ping_between_them_are_one_message() -> None:
    async def main() -> list[Message]:
        async def talk(peer: Peer) -> None:
            umlaut = "ü".encode()
            await peer.say(frame(TEXT, b"-" + umlaut[:1], fin=False) + frame(PING, b"p"))
            await peer.say(frame(0, umlaut[1:]) + frame(BINARY, b"-\xff"))
            await peer.until_gone()

        async with lab(talk) as one:
            ws = await one.client.connect("/ws")
            return [await ws.receive(), await ws.receive()]

    assert run(main()) == ["-ü", b"-\xff"]


def test_a_full_inbox_loses_the_oldest_and_says_how_many() -> None:
    async def main() -> tuple[Message, int]:
        async def talk(peer: Peer) -> None:
            await peer.frame()
            await peer.say(b"".join(frame(TEXT, b"-%d" % number) for number in range(1005)) + frame(TEXT, b"a"))
            await peer.until_gone()

        async with lab(talk) as one:
            ws = await one.open()
            await ws.request("a", key="a", name="ask")
            return await ws.receive(), ws.overflowed

    first, overflowed = run(main())
    assert (first, overflowed) == ("-5", 5)


def test_no_message_is_lost_with_a_reader_that_gave_up() -> None:
    async def main() -> list[Message]:
        async with lab(echo) as one:
            ws = await one.open()
            expired = asyncio.create_task(ws.receive())
            await asyncio.sleep(0)
            one.sweeper.sweep(FAR)
            ws._dispatch("-one")  # comes before the reader could wake up
            with pytest.raises(OperationTimeout):
                await expired
            cancelled = asyncio.create_task(ws.receive())
            received = [await cancelled]
            cancelled = asyncio.create_task(ws.receive())
            await asyncio.sleep(0)
            ws._dispatch("-two")
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            return [*received, await ws.receive()]

    assert run(main()) == ["-one", "-two"]


def test_a_key_belongs_to_one_question_at_a_time() -> None:
    async def main() -> Lab:
        async with lab(echo) as one:
            ws = await one.open()
            first = asyncio.create_task(ws.request("a", key="a", name="ask"))
            await asyncio.sleep(0)
            with pytest.raises(UsageError, match="key already: 'a'"):
                await ws.request("a", key="a", name="ask")
            assert await first == "a"
        return one

    assert run(main()).counted()["ask"] == (1, {}, 0)


async def silent(peer: Peer) -> None:
    await peer.until_gone()


@pytest.mark.parametrize(("interrupting", "counts"), [(False, (0, {"cancelled": 1}, 0)), (True, (0, {}, 1))])
@pytest.mark.parametrize("ask", [lambda ws: ws.request("a", key="a", name="ask"), lambda ws: ws.ping(name="ask")])
def test_a_cancelled_question_has_failed_unless_the_load_is_over(
    ask: Callable[[WebSocket], Coroutine[Any, Any, Any]],
    *,
    interrupting: bool,
    counts: tuple[int, dict[str, int], int],
) -> None:
    async def main() -> Lab:
        async with lab(silent) as one:
            ws = await one.open()
            one.sweeper.interrupting = interrupting
            question = asyncio.create_task(ask(ws))
            await asyncio.sleep(0)
            question.cancel()
            with pytest.raises(asyncio.CancelledError):
                await question
            assert repr(ws) == "<WebSocket open, 0 questions open>"
        return one

    assert run(main()).counted()["ask"] == counts


def test_a_server_that_does_not_say_goodbye_cannot_hold_up_the_close() -> None:
    async def main() -> Lab:
        async def deaf(peer: Peer) -> None:
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.Event().wait()

        async def whole(peer: Peer) -> None:
            await peer.shake()
            await deaf(peer)

        async with serving(whole) as server:
            one = Lab(server.url)
            ws = await one.open()
            await one.client.close()
            await until(lambda: not ws.is_open)
        return one

    assert run(main()).counted() == {"WS /ws": (1, {}, 0)}


@pytest.mark.parametrize(
    ("url", "shown", "entrance"),
    [
        ("http://127.0.0.1:1", "ws://127.0.0.1:1", None),
        ("https://127.0.0.1:1", "wss://127.0.0.1:1", None),
        ("ws://127.0.0.1:1/", "ws://127.0.0.1:1", "/"),
        ("wss://127.0.0.1/a/b", "wss://127.0.0.1:443", "/a/b"),
    ],
)
def test_the_url_may_be_one_of_websockets_and_name_their_path(url: str, shown: str, entrance: str | None) -> None:
    client = WebSocketClient(url, PhaseRecorder("steady"), Sweeper())
    assert repr(client) == f"<WebSocketClient {shown}, 0 connections>"
    assert client.entrance == entrance
