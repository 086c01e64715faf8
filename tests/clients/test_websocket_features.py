from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme
from aiohttp import WSMsgType, web
from client_lab import counted, run, until
from hypothesis import given
from hypothesis import strategies as st
from raw_server import Peer, frame, serving

from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.clients.websocket.client import WebSocketClient
from pytest_roo_load.clients.websocket.connection import WebSocket
from pytest_roo_load.clients.websocket.deflate import Agreement, Deflate
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import ConnectError, ConnectionLost, OperationError, OperationTimeout, UsageError

TEXT, CLOSE, PONG = 1, 8, 10
FAR = 1e18


class Lab:
    """A client and what it has recorded."""

    def __init__(self, url: str) -> None:
        self.recorder = PhaseRecorder("steady")
        self.sweeper = Sweeper()
        self.client = WebSocketClient(url, self.recorder, self.sweeper)

    def counted(self) -> dict[str, tuple[int, dict[str, int], int]]:
        return counted(self.recorder)


@asynccontextmanager
async def echoing(context: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Lab]:
    """Aiohttp's server, which sends back what it is sent."""

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(**options)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                if message.data == "bye":
                    await socket.close(code=4000, message=b"as you like")
                else:
                    await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/ws", echo)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    lab = Lab(f"http{'s' if context else ''}://127.0.0.1:{runner.addresses[0][1]}")
    try:
        yield lab
    finally:
        await lab.client.close()
        await runner.cleanup()


@pytest.mark.parametrize(("offered", "chosen"), [(("chat.v2", "chat.v1"), "chat.v1"), (("other",), None), ((), None)])
def test_the_server_chooses_a_subprotocol(offered: tuple[str, ...], chosen: str | None) -> None:
    async def main() -> str | None:
        async with echoing(protocols=("chat.v1",)) as lab:
            return (await lab.client.connect("/ws", subprotocols=offered)).subprotocol

    assert run(main()) == chosen


@pytest.mark.parametrize("window", [True, 10])
def test_compressed_messages(window: int) -> None:
    messages = ["a", "b" * 100_000, "ü" * 70, ""]

    async def main() -> tuple[bool, list[Any]]:
        async with echoing(compress=window) as lab:
            socket = await lab.client.connect("/ws", compress=True)
            for message in messages:
                socket.send(message)
            socket.send(b"\0" * 200_000)
            return socket.is_compressed, [await socket.receive() for _ in range(5)]

    compressed, received = run(main())
    assert compressed
    assert received == [*messages, b"\0" * 200_000]


def test_a_server_that_does_not_compress() -> None:
    async def main() -> tuple[bool, Any]:
        async with echoing(compress=False) as lab:
            socket = await lab.client.connect("/ws", compress=True)
            socket.send("plain")
            return socket.is_compressed, await socket.receive()

    assert run(main()) == (False, "plain")


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(9, 15), st.booleans())
def test_what_is_compressed_is_what_is_decompressed(messages: list[bytes], bits: int, resets: bool) -> None:  # noqa: FBT001 - drawn
    agreement = Agreement(client_bits=bits, server_bits=bits, client_resets=resets, server_resets=resets)
    one, other = Deflate(agreement, 1000), Deflate(agreement, 1000)
    assert [other.decompress(one.compress(message)) for message in messages] == messages


def test_a_message_that_decompresses_to_too_much_or_not_at_all() -> None:
    agreement = Agreement()
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        Deflate(agreement, 1000).decompress(Deflate(agreement, 1000).compress(bytes(1001)))
    with pytest.raises(ValueError, match="cannot be decompressed"):
        Deflate(agreement, 1000).decompress(b"\xff\xff\xff")


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        ("Sec-WebSocket-Protocol: unasked", "subprotocol 'unasked', which was not offered"),
        ("Sec-WebSocket-Extensions: permessage-bzip2", "extension 'permessage-bzip2', which was not offered"),
        ("Sec-WebSocket-Extensions: permessage-deflate; x=1", "which was not offered"),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99", "window that does not exist"),
    ],
)
def test_a_server_that_chooses_what_was_not_offered(extra: str, text: str) -> None:
    async def main() -> Lab:
        async with serving(lambda peer: peer.shake(extra)) as server:
            lab = Lab(server.url)
            with pytest.raises(ConnectError, match=text):
                await lab.client.connect("/ws", compress=True)
            await until(lambda: server.closed == 1)
            return lab

    assert run(main()).counted() == {"WS /ws": (0, {"handshake": 1}, 0)}


@pytest.mark.parametrize("compress", [True, False])
def test_a_compressed_frame_that_was_not_agreed_upon(*, compress: bool) -> None:
    async def talk(peer: Peer) -> None:
        await peer.shake()
        await peer.say(bytes([0xC1, 2]) + b"ab")
        await peer.until_gone()

    async def main() -> str:
        async with serving(talk) as server:
            lab = Lab(server.url)
            socket = await lab.client.connect("/ws", compress=compress)
            with pytest.raises(OperationError) as caught:
                await socket.receive()
            await lab.client.close()
            return caught.value.kind

    assert run(main()) in {"protocol", "connection lost"}


def test_a_ping_is_an_operation() -> None:
    async def main() -> Lab:
        async with echoing() as lab:
            socket = await lab.client.connect("/ws")
            took = await asyncio.gather(*(socket.ping() for _ in range(3)))
            assert min(took) > 0
            await socket.close()
            with pytest.raises(ConnectionLost):
                await socket.ping(name="late")
            return lab

    assert run(main()).counted() == {
        "WS /ws": (1, {}, 0),
        "WS ping": (3, {}, 0),
        "late": (0, {"connection lost": 1}, 0),
    }


def test_a_pong_that_nobody_asked_for_answers_nothing() -> None:
    async def talk(peer: Peer) -> None:
        await peer.shake()
        await peer.say(frame(PONG, b"unasked"))
        await peer.frame()
        await peer.say(frame(PONG, b"other") + frame(TEXT, b"the pong before this was read"))
        await peer.until_gone()

    async def main() -> Lab:
        async with serving(talk) as server:
            lab = Lab(server.url)
            socket = await lab.client.connect("/ws")
            ping = asyncio.create_task(socket.ping())
            await socket.receive()
            assert not ping.done()
            lab.sweeper.sweep(FAR)
            with pytest.raises(OperationTimeout):
                await ping
            await lab.client.close()
            return lab

    assert run(main()).counted()["WS ping"] == (0, {"timeout": 1}, 0)


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (frame(CLOSE, struct.pack("!H", 4001) + "tschüß".encode()), 4001, "tschüß"),
        (frame(CLOSE, b""), 1005, ""),
        (b"", 1006, ""),
    ],
)
def test_how_the_other_side_closed_is_seen(words: bytes, code: int, reason: str) -> None:
    async def talk(peer: Peer) -> None:
        await peer.shake()
        await peer.frame()
        await peer.say(words)

    async def main() -> WebSocket:
        async with serving(talk) as server:
            lab = Lab(server.url)
            socket = await lab.client.connect("/ws")
            assert socket.close_code is None
            socket.send("go")
            await until(lambda: not socket.is_open)
            await lab.client.close()
            return socket

    socket = run(main())
    assert (socket.close_code, socket.close_reason) == (code, reason)


def test_the_code_of_our_own_goodbye_comes_back() -> None:
    async def main() -> int | None:
        async with echoing() as lab:
            socket = await lab.client.connect("/ws")
            await socket.close(4321)
            return socket.close_code

    assert run(main()) == 4321


def test_reconnecting_counts_every_attempt() -> None:
    attempts: list[int] = []

    async def talk(peer: Peer) -> None:
        attempts.append(len(attempts))
        if len(attempts) < 3:
            await peer.request()
            return
        await peer.shake()
        await peer.until_gone()

    async def main() -> Lab:
        async with serving(talk) as server:
            lab = Lab(server.url)
            with pytest.raises(ConnectError):
                await lab.client.reconnect("/ws", attempts=1)
            socket = await lab.client.reconnect("/ws", attempts=3, pause_s=0.001)
            assert socket.is_open
            await lab.client.close()
            return lab

    assert run(main()).counted() == {"WS /ws": (1, {"handshake": 2}, 0)}


def wrong_options() -> list[tuple[dict[str, Any], str]]:
    return [
        ({"subprotocols": ["a\r\nX: 1"]}, "line break"),
        ({"subprotocols": "chat"}, r"subprotocols=: not a list of names: 'chat'.*\['chat'\]"),
        ({"headers": {"Sec-WebSocket-Protocol": "a"}}, "a header of the handshake"),
    ]


@pytest.mark.parametrize(("options", "text"), wrong_options())
def test_options_that_cannot_be_used(options: dict[str, Any], text: str) -> None:
    lab = Lab("http://127.0.0.1:1")
    with pytest.raises(UsageError, match=text):
        run(lab.client.connect("/ws", **options))
    with pytest.raises(UsageError, match="attempts"):
        run(lab.client.reconnect("/ws", attempts=0))
    assert lab.counted() == {}


def test_wss(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = trustme.CA()
    ca_file = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def ask(configure: Callable[[WebSocketClient], None]) -> Any:
        async with echoing(context) as lab:
            configure(lab.client)
            try:
                socket = await lab.client.connect("/ws")
            except OperationError as error:
                return error.kind
            socket.send("secret")
            return await socket.receive()

    assert run(ask(lambda _client: None)) == "tls"
    assert run(ask(lambda client: client.configure(ca_file=ca_file))) == "secret"
    assert run(ask(lambda client: client.configure(verify=False))) == "secret"
    assert run(ask(lambda client: client.configure(ca_file=ca_file, server_name="other.test"))) == "tls"
    with pytest.raises(UsageError, match="unknown setting"):
        run(ask(lambda client: client.configure(ca="x")))
