"""Handshakes that fail, hang, are cancelled, or cannot be sent."""

from __future__ import annotations

import asyncio
import socket

import pytest
from client_lab import run, until
from raw_server import Peer, serving
from websocket_lab import Lab, Talk

from pytest_roo_load.errors import ConnectError, OperationTimeout, UsageError


async def forbidden(peer: Peer) -> None:
    await peer.request()
    await peer.say(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


async def elsewhere(peer: Peer) -> None:
    await peer.request()
    here = "{}:{}".format(*peer.writer.get_extra_info("sockname")).encode()
    await peer.say(b"HTTP/1.1 302 Found\r\nLocation: ws://" + here + b"/\r\nContent-Length: 0\r\n\r\n")


async def garbage(peer: Peer) -> None:
    await peer.request()
    await peer.say(b"garbage\r\n\r\n")


async def hang_up(peer: Peer) -> None:
    await peer.request()


async def reset(peer: Peer) -> None:
    await peer.request()
    peer.reset()


@pytest.mark.parametrize("answer", [forbidden, elsewhere, garbage, hang_up, reset])
def test_a_handshake_that_fails_is_counted_once(answer: Talk) -> None:
    async def main() -> Lab:
        async with serving(answer) as server:
            one = Lab(server.url)
            with pytest.raises(ConnectError) as caught:
                await one.open()
            assert caught.value.counted
            assert server.accepted == 1
        return one

    assert run(main()).counted() == {"WS /ws": (0, {"handshake": 1}, 0)}


def test_a_handshake_has_a_deadline() -> None:
    async def main() -> Lab:
        async def silent(peer: Peer) -> None:
            await peer.until_gone()

        async with serving(silent) as server:
            one = Lab(server.url)
            with pytest.raises(OperationTimeout):
                await one.client.connect("/ws", timeout_s=0.05)
        return one

    assert run(main()).counted() == {"WS /ws": (0, {"timeout": 1}, 0)}


@pytest.mark.parametrize(("interrupting", "counts"), [(False, (0, {"cancelled": 1}, 0)), (True, (0, {}, 1))])
def test_a_handshake_that_is_cancelled_leaves_no_connection(
    *, interrupting: bool, counts: tuple[int, dict[str, int], int]
) -> None:
    async def main() -> Lab:
        shake, asked = asyncio.Event(), asyncio.Event()

        async def late(peer: Peer) -> None:
            asked.set()
            await shake.wait()
            await peer.shake()
            await peer.until_gone()

        async with serving(late) as server:
            one = Lab(server.url)
            one.sweeper.interrupting = interrupting
            opening = asyncio.create_task(one.open())
            await asked.wait()
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            shake.set()
            await until(lambda: server.closed == 1)
        return one

    assert run(main()).counted() == {"WS /ws": counts}


def test_refused_by_nobody_there() -> None:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        one = Lab(f"http://127.0.0.1:{plug.getsockname()[1]}")
        with pytest.raises(ConnectError):
            run(one.open())
    assert one.counted() == {"WS /ws": (0, {"connection refused": 1}, 0)}


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/ws?a b", {}), ("/ws\r\nX-Evil: 1", {}), ("/ü", {}), ("/ws", {"X": "1\r\nX-Evil: 1"}), ("/ws", {"X:": "1"})],
)
def test_what_cannot_be_sent_in_a_handshake_is_a_usage_error(path: str, headers: dict[str, str]) -> None:
    one = Lab("http://127.0.0.1:1")
    with pytest.raises(UsageError):
        run(one.client.connect(path, headers=headers))
    assert one.counted() == {}
