from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import trustme
from client_lab import counted, groups, run
from http_server import serving_app
from raw_server import OK, Peer, answering, serving

from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.http.settings import HttpSettings
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import ConnectError, OperationError, OperationTimeout

Library = Literal["own", "aiohttp"]
pytestmark = pytest.mark.parametrize("library", ["own", "aiohttp"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


class Authority:
    """Issues what servers and clients show each other."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)
        mine = self._ca.issue_cert("client@example.test")
        self.client_file = folder / "client.pem"
        mine.private_key_and_cert_chain_pem.write_to_path(self.client_file)
        self.pair = folder / "client.crt", folder / "client.key"
        mine.cert_chain_pems[0].write_to_path(self.pair[0])
        mine.private_key_pem.write_to_path(self.pair[1])

    def server(self, name: str = "127.0.0.1", *, ask_for_client: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(name).configure_cert(context)
        if ask_for_client:
            self._ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


async def ask(url: str, library: Library, **settings: Any) -> tuple[Any, PhaseRecorder]:
    """Two requests over TLS, or the error."""
    recorder = PhaseRecorder("steady")
    client = HttpClient(url, recorder, Sweeper(), settings=HttpSettings(library=library, **settings))
    try:
        await client.get("/echo")
        return (await client.post("/echo", body=b"x" * 100_000)).json()["size"], recorder
    except OperationError as error:
        return error, recorder
    finally:
        await client.close()


def test_a_trusted_server(authority: Authority, library: Library) -> None:
    async def main() -> tuple[Any, PhaseRecorder]:
        async with serving_app(authority.server()) as url:
            return await ask(url, library, ca_file=authority.ca_file)

    size, recorder = run(main())
    assert size == 100_000
    assert groups(recorder) == ({"connect": 1, "TLS handshake": 1} if library == "own" else {"connect": 1})


@pytest.mark.parametrize("trust", [False, True])
def test_a_server_that_is_not_trusted_or_has_another_name(
    authority: Authority, library: Library, *, trust: bool
) -> None:
    async def main() -> tuple[Any, PhaseRecorder]:
        async with serving_app(authority.server("other.test" if trust else "127.0.0.1")) as url:
            return await ask(url, library, ca_file=authority.ca_file if trust else None)

    error, recorder = run(main())
    assert isinstance(error, ConnectError)
    assert "certificate verify failed" in str(error)
    assert counted(recorder) == {"GET /echo": (0, {"tls": 1}, 0)}


def test_verification_can_be_switched_off(authority: Authority, library: Library) -> None:
    async def main() -> tuple[Any, PhaseRecorder]:
        async with serving_app(authority.server("other.test")) as url:
            return await ask(url, library, verify=False)

    assert run(main())[0] == 100_000


def test_the_name_to_ask_for_and_to_verify(authority: Authority, library: Library) -> None:
    async def main() -> tuple[Any, list[str | None]]:
        names: list[str | None] = []
        context = authority.server("other.test")
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        async with serving_app(context) as url:
            return (await ask(url, library, ca_file=authority.ca_file, server_name="other.test"))[0], names

    assert run(main()) == (100_000, ["other.test"])


@pytest.mark.parametrize("form", ["file", "pair", "none"])
def test_a_server_that_asks_who_is_there(authority: Authority, form: str, library: Library) -> None:
    shown = {"file": authority.client_file, "pair": authority.pair, "none": None}[form]

    async def main() -> tuple[Any, PhaseRecorder]:
        async with serving_app(authority.server(ask_for_client=True)) as url:
            return await ask(url, library, ca_file=authority.ca_file, client_certificate=shown)

    result, _ = run(main())
    if form == "none":
        assert isinstance(result, OperationError)
        assert result.kind in {"tls", "connection lost"}, "TLS 1.3 tells of it after the handshake"
    else:
        assert result == 100_000


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x16\x03\x01\x00\x02\x02\x28"])
def test_a_server_that_does_not_speak_tls(words: bytes, library: Library) -> None:
    async def main() -> tuple[Any, PhaseRecorder]:
        async def talk(peer: Peer) -> None:
            await peer.reader.read(1)
            await peer.say(words)

        async with serving(talk) as server:
            return await ask(server.url.replace("http", "https"), library)

    error, recorder = run(main())
    assert isinstance(error, ConnectError)
    assert counted(recorder) == {"GET /echo": (0, {"tls": 1}, 0)}


def test_a_handshake_that_does_not_end(library: Library) -> None:
    async def main() -> tuple[Any, PhaseRecorder]:
        async with serving(lambda peer: answering(peer, OK)) as server:
            return await ask(server.url.replace("http", "https"), library, timeout_s=0.2)

    error, recorder = run(main())
    assert isinstance(error, OperationTimeout)
    assert counted(recorder) == {"GET /echo": (0, {"timeout": 1}, 0)}


@asynccontextmanager
async def tls_raw(context: ssl.SSLContext, words: bytes) -> AsyncIterator[str]:
    """A server that says some bytes over TLS and goes away without a goodbye."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words)
        await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


def test_half_an_answer_over_tls(authority: Authority, library: Library) -> None:
    async def main() -> tuple[Any, PhaseRecorder]:
        async with tls_raw(authority.server(), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") as url:
            return await ask(url, library, ca_file=authority.ca_file)

    error, recorder = run(main())
    assert isinstance(error, OperationError)
    assert counted(recorder) == {"GET /echo": (0, {"connection lost": 1}, 0)}
