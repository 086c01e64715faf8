from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from client_lab import counted, run
from hypothesis import given
from hypothesis import strategies as st
from raw_server import OK, Peer, answering, serving

from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.http.origin import Origin
from pytest_roo_load.clients.http.request import header_lines, request_line
from pytest_roo_load.clients.http.response import Head, Response
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import UsageError

Ask = Callable[[HttpClient], Coroutine[Any, Any, object]]


async def sent(ask: Ask) -> tuple[list[bytes], PhaseRecorder]:
    """The requests that reach a server."""
    requests: list[bytes] = []
    recorder = PhaseRecorder("steady")

    async def talk(peer: Peer) -> None:
        while True:
            requests.append(await peer.request())
            await peer.say(OK)

    async with serving(talk) as server:
        client = HttpClient(server.url, recorder, Sweeper())
        try:
            await ask(client)
        finally:
            await client.close()
    return requests, recorder


def test_headers_of_ones_own_take_the_place_of_ours() -> None:
    async def ask(client: HttpClient) -> None:
        await client.post("/a", body=b"{}", headers={"content-length": "2", "Content-Type": "text/x"})
        client.set_header("Content-Length", "2")
        await client.post("/b", body=b"{}")

    requests, _ = run(sent(ask))
    assert [request.lower().count(b"content-length: 2\r\n") for request in requests] == [1, 1]
    assert requests[0].count(b"Content-Type: text/x\r\n") == 1


def test_a_get_has_no_body_and_a_post_has_one() -> None:
    async def ask(client: HttpClient) -> None:
        client.set_header("X-A", "1")
        await client.get("/a?q=1")
        client.set_header("X-A", None)
        await client.post("/b", json={"k": "ü"}, headers={"X-B": "2"})
        await client.put("/c")

    (get, post, put), recorder = run(sent(ask))
    assert get.startswith(b"GET /a?q=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"X-A: 1\r\n" in get
    assert b"Content-Length" not in get
    head, _, body = post.partition(b"\r\n\r\n")
    assert json.loads(body) == {"k": "ü"}
    assert b"X-B: 2" in head
    assert b"Content-Type: application/json" in head
    assert b"X-A" not in head
    assert b"Content-Length: 0\r\n" in put
    assert counted(recorder) == {name: (1, {}, 0) for name in ("GET /a", "POST /b", "PUT /c")}


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda client: client.get("/a b"), id="space in the path"),
        pytest.param(lambda client: client.get("/ä"), id="path is not ASCII"),
        pytest.param(lambda client: client.get("/a\r\nX-Evil: 1"), id="line break in the path"),
        pytest.param(lambda client: client.get("/a\x00"), id="NUL in the path"),
        pytest.param(lambda client: client.get("a"), id="no slash"),
        pytest.param(lambda client: client.get("/", headers={"X": "1\r\nX-Evil: 1"}), id="line break in a value"),
        pytest.param(lambda client: client.get("/", headers={"X": "1\nX-Evil: 1"}), id="bare line feed"),
        pytest.param(lambda client: client.get("/", headers={"X\r\nX-Evil": "1"}), id="line break in a name"),
        pytest.param(lambda client: client.get("/", headers={"X:": "1"}), id="colon in a name"),
        pytest.param(lambda client: client.get("/", headers={"X": "€"}), id="value is not Latin-1"),
        pytest.param(lambda client: client.get("/", expect=404), id="one status in place of several"),
        pytest.param(lambda client: client.get("/", expect="404"), id="text in place of statuses"),
        pytest.param(lambda client: client.request("GET / HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET", "/"), id="method"),
    ],
)
def test_what_cannot_be_sent_is_a_usage_error_and_nothing_is_sent_or_counted(ask: Ask) -> None:
    seen: list[PhaseRecorder] = []

    async def main() -> list[bytes]:
        async def attempt(client: HttpClient) -> None:
            with pytest.raises(UsageError):
                await ask(client)

        requests, recorder = await sent(attempt)
        seen.append(recorder)
        return requests

    assert run(main()) == []
    assert counted(seen[0]) == {}


def test_a_header_of_the_client_that_would_be_two_is_refused() -> None:
    client = HttpClient("http://127.0.0.1:1", PhaseRecorder("steady"), Sweeper())
    with pytest.raises(UsageError, match="value of header X-A"):
        client.set_header("X-A", "1\r\nX-Evil: 1")


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=3), st.text(max_size=8))
def test_whatever_is_asked_for_a_request_is_one_head_with_one_line_per_header(
    headers: dict[str, str], path: str
) -> None:
    try:
        data = request_line("GET", f"/{path}") + f"{header_lines(headers)}\r\n".encode("latin-1")
    except UsageError:
        return
    assert data.endswith(b"\r\n\r\n")
    assert len(data.split(b"\r\n")) == 3 + len(headers)
    assert data.count(b"\n") == 2 + len(headers)
    assert data.split(b"\r\n")[0].count(b" ") == 2


def test_a_status_of_400_or_more_is_failed_and_returned() -> None:
    async def main() -> tuple[Response, PhaseRecorder]:
        recorder = PhaseRecorder("steady")
        async with serving(
            lambda peer: answering(peer, b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")
        ) as server:
            client = HttpClient(server.url, recorder, Sweeper())
            response = await client.get("/x/7")
            await client.close()
        return response, recorder

    response, recorder = run(main())
    assert (response.status, response.ok, response.text) == (503, False, "busy")
    assert counted(recorder) == {"GET /x/:id": (0, {"status 503": 1}, 0)}
    (tally,) = recorder.recording.phases["steady"].operations.values()
    assert tally.errors["status 503"].exemplar == "GET /x/7: status 503: busy"


@pytest.mark.parametrize(("expect", "ok"), [((404,), True), (range(400, 500), True), ((200,), False)])
def test_what_is_expected_is_a_success_and_nothing_else(expect: Any, *, ok: bool) -> None:
    async def main() -> PhaseRecorder:
        recorder = PhaseRecorder("steady")
        async with serving(lambda peer: answering(peer, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")) as server:
            client = HttpClient(server.url, recorder, Sweeper())
            await client.get("/x", expect=expect, name="own name")
            await client.close()
        return recorder

    assert counted(run(main())) == {"own name": (1, {}, 0) if ok else (0, {"status 404": 1}, 0)}


@pytest.mark.parametrize(
    ("url", "text"),
    [("http://example.test", "example.test:80"), ("http://[::1]:8080/", "[::1]:8080"), ("https://a", "a:443")],
)
def test_an_origin(url: str, text: str) -> None:
    assert str(Origin.of(url)) == text


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a",
        "http://a@b",
        "http://a#b",
        "https://",
        "http://",
        "a:80",
        "http://a:99999",
        "http://a:x",
        "http://[::1",
        "http://a/base",
        "http://a?q=1",
    ],
)
def test_what_is_no_target(url: str) -> None:
    with pytest.raises(UsageError, match="not a target"):
        Origin.of(url)


def test_repeated_headers_are_joined() -> None:
    response = Response.of(Head(200, [(b"Vary", b"a"), (b"vary", b"b"), (b"X", b"\xe4")]), b"{}")
    assert response.headers == {"vary": "a, b", "x": "ä"}
    assert response.json() == {}
    assert repr(response) == "<Response 200, 2 bytes>"
