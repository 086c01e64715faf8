from __future__ import annotations

import asyncio

import pytest
from client_lab import counted, run, until
from raw_server import OK, Peer, answering, serving

from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.http.response import Response
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import OperationError

FAR = 1e18
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"
LONG = HEAD + b"Content-Length: 9\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def ask_once(answer: bytes, method: str = "GET") -> tuple[Response | OperationError, PhaseRecorder]:
    """What one request gives when the server says some bytes and closes the connection."""
    recorder = PhaseRecorder("steady")

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer)

    async with serving(talk) as server:
        client = HttpClient(server.url, recorder, Sweeper())
        try:
            return await client.request(method, "/x"), recorder
        except OperationError as error:
            return error, recorder
        finally:
            await client.close()
            await until(lambda: server.closed == server.accepted)


@pytest.mark.parametrize(
    ("answer", "method", "status", "body"),
    [
        pytest.param(OK, "GET", 200, b"ok", id="content-length"),
        pytest.param(CHUNKED + b"\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "GET", 200, b"abc", id="chunked"),
        pytest.param(CHUNKED + b"\r\n1;x=y\r\na\r\n0\r\nX-Trailer: 1\r\n\r\n", "GET", 200, b"a", id="trailer"),
        pytest.param(HEAD + b"\r\nuntil the end", "GET", 200, b"until the end", id="until close without any header"),
        pytest.param(HEAD + b"X-A: 1\r\n\r\nuntil the end", "GET", 200, b"until the end", id="until close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nX-A: 1\r\n\r\n", "GET", 200, b"", id="until close, empty"),
        pytest.param(HEAD + b"Content-Length: 1000\r\n\r\n", "HEAD", 200, b"", id="HEAD"),
        pytest.param(CHUNKED + b"\r\n", "HEAD", 200, b"", id="HEAD, chunked"),
        pytest.param(HINTS + LONG, "HEAD", 200, b"", id="HEAD after 103"),
        pytest.param(b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", "DELETE", 204, b"", id="204"),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET", 304, b"", id="304"),
        pytest.param(CONTINUE + HINTS + OK, "POST", 200, b"ok", id="1xx"),
        pytest.param(HEAD + b"Content-Length: 0\r\n\r\n", "GET", 200, b"", id="empty"),
    ],
)
def test_every_way_to_end_an_answer(answer: bytes, method: str, status: int, body: bytes) -> None:
    response, recorder = run(ask_once(answer, method))
    assert isinstance(response, Response), response
    assert (response.status, response.body) == (status, body)
    assert "link" not in response.headers, "headers of an interim answer are not those of the answer"
    assert counted(recorder) == {f"{method} /x": (1, {}, 0)}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(b"", "connection lost", id="nothing"),
        pytest.param(b"HTTP/1.1 20", "connection lost", id="half a status line"),
        pytest.param(HEAD + b"X-A: 1\r\nX-B: 2\r\nX-C", "connection lost", id="half a head"),
        pytest.param(HEAD + b"Content-Length: 10\r\n\r\nhalf", "connection lost", id="less than announced"),
        pytest.param(CHUNKED + b"\r\n5\r\nab", "connection lost", id="half a chunk"),
        pytest.param(CHUNKED + b"\r\n2\r\nab\r\n", "connection lost", id="no last chunk"),
        pytest.param(b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n", "connection lost", id="interim answer only"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", "protocol", id="not HTTP"),
        pytest.param(HEAD + b"X: 1\r\n" * 10_000 + b"\r\n", "too large", id="10,000 headers"),
        pytest.param(HEAD + b"X: 1\r\n" * 1_001 + b"\r\n", "too large", id="1,001 headers"),
        pytest.param(HEAD + b"X-Huge: " + b"h" * 2**20 + b"\r\n\r\n", "too large", id="a header of 1 MiB"),
        pytest.param(CHUNKED + b"\r\n0\r\n" + b"X: 1\r\n" * 10_000, "too large", id="10,000 trailers"),
        pytest.param(HEAD + b"Content-Length: two\r\n\r\n", "protocol", id="length is no number"),
        pytest.param(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "protocol", id="two lengths"),
        pytest.param(CHUNKED + b"\r\nxyz\r\n", "protocol", id="chunk size is no number"),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "protocol", id="upgrade"
        ),
    ],
)
def test_every_way_to_break_an_answer_is_counted_once_by_its_kind(answer: bytes, kind: str) -> None:
    error, recorder = run(ask_once(answer))
    assert isinstance(error, OperationError)
    assert error.kind == kind
    assert counted(recorder) == {"GET /x": (0, {kind: 1}, 0)}


def test_a_thousand_headers_are_read() -> None:
    many = b"".join(b"X-%d: %d\r\n" % (number, number) for number in range(999))
    response, _ = run(ask_once(HEAD + many + b"Content-Length: 0\r\n\r\n"))
    assert isinstance(response, Response)
    assert response.headers["x-998"] == "998"


def test_an_answer_byte_by_byte() -> None:
    async def drip(peer: Peer) -> None:
        await peer.request()
        for byte in OK:
            await peer.say(bytes([byte]))
            await asyncio.sleep(0)

    async def main() -> Response:
        async with serving(drip) as server:
            client = HttpClient(server.url, PhaseRecorder("steady"), Sweeper())
            response = await client.get("/x")
            await client.close()
            return response

    assert run(main()).text == "ok"


@pytest.mark.parametrize(
    "surplus",
    [
        pytest.param(b"garbage", id="garbage"),
        pytest.param(OK, id="a whole answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", id="half an answer"),
        pytest.param(b"HTT", id="the beginning of an answer"),
    ],
)
def test_what_follows_an_answer_is_never_taken_for_the_next_answer(surplus: bytes) -> None:
    async def main() -> tuple[list[str], int]:
        async def talk(peer: Peer) -> None:
            await peer.request()
            await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst" + surplus)
            await answering(peer, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")

        async with serving(talk) as server:
            client = HttpClient(server.url, PhaseRecorder("steady"), Sweeper())
            texts = [(await client.get("/x")).text for _ in range(2)]
            await client.close()
            return texts, server.accepted

    assert run(main()) == (["first", "first"], 2), "the second request has a connection of its own"


def test_bytes_on_an_idle_connection_end_it() -> None:
    async def main() -> int:
        speak = asyncio.Event()

        async def talk(peer: Peer) -> None:
            await peer.request()
            await peer.say(OK)
            await speak.wait()
            await peer.say(OK)
            await peer.until_gone()

        async with serving(talk) as server:
            client = HttpClient(server.url, PhaseRecorder("steady"), Sweeper())
            await client.get("/x")
            assert repr(client).endswith("1 connections, 1 idle>")
            speak.set()
            await until(lambda: server.closed)
            await until(lambda: repr(client).endswith("0 connections, 0 idle>"))
            assert (await client.get("/x")).text == "ok"
            await client.close()
            return server.accepted

    assert run(main()) == 2


def test_a_deadline_that_passes_ends_the_request_and_its_connection() -> None:
    async def main() -> tuple[OperationError, PhaseRecorder]:
        recorder, sweeper = PhaseRecorder("steady"), Sweeper()
        asked = asyncio.Event()

        async def talk(peer: Peer) -> None:
            await peer.request()
            await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            asked.set()
            await peer.until_gone()

        async with serving(talk) as server:
            client = HttpClient(server.url, recorder, sweeper)
            request = asyncio.create_task(client.get("/x", timeout_s=60))
            await asked.wait()
            sweeper.sweep(0.0)
            assert not request.done(), "the deadline has not passed"
            sweeper.sweep(FAR)
            sweeper.sweep(FAR)
            with pytest.raises(OperationError) as caught:
                await request
            await until(lambda: server.closed == 1)
            assert repr(sweeper) == "<Sweeper watching 0>"
            return caught.value, recorder

    error, recorder = run(main())
    assert error.kind == "timeout"
    assert counted(recorder) == {"GET /x": (0, {"timeout": 1}, 0)}


def test_the_sweeper_leaves_an_idle_connection_alone() -> None:
    async def main() -> int:
        sweeper = Sweeper()
        async with serving(lambda peer: answering(peer, OK)) as server:
            client = HttpClient(server.url, PhaseRecorder("steady"), sweeper)
            for _ in range(3):
                await client.get("/x")
                sweeper.sweep(FAR)
            await client.close()
            return server.accepted

    assert run(main()) == 1
