"""What every transport has to do alike: the project's own, and aiohttp."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from client_lab import run
from http_lab import Lab, Library, at_server, read, sweep
from http_server import serving_app
from raw_server import Peer, answering, serving

from pytest_roo_load.errors import OperationError, UnexpectedAnswer, UsageError

pytestmark = pytest.mark.parametrize("library", ["own", "aiohttp"])


def test_a_request_arrives_as_it_was_meant(library: Library) -> None:
    async def ask(lab: Lab) -> list[Any]:
        client = lab.client
        client.set_header("X-A", "1")
        client.basic_auth("Aladdin", "open sesame")
        first = await client.get("/echo/a%20b?q=%2F")
        client.bearer_auth("token")
        client.set_header("x-a", None)
        return [
            first.json(),
            (await client.post("/echo", json={"a": "ü"}, headers={"Content-Type": "application/x+json"})).json(),
            (await client.put("/echo", form={"a": "1 2"}, headers={"AUTHORIZATION": "own"})).json(),
            (await client.delete("/echo", body=b"why")).json(),
            (await client.patch("/echo")).json(),
        ]

    (get, post, put, delete, patch), lab = at_server(ask, library)
    assert get["path"] == "/echo/a%20b?q=%2F"
    assert get["headers"] == {
        "host": get["headers"]["host"],
        "accept": "*/*",
        "x-a": "1",
        "authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    }
    assert (post["text"].encode("latin-1").decode(), post["headers"]["content-type"]) == (
        '{"a":"\\u00fc"}',
        "application/x+json",
    )
    assert (post["headers"]["authorization"], "x-a" in post["headers"]) == ("Bearer token", False)
    assert (put["text"], put["headers"]["authorization"]) == ("a=1+2", "own")
    assert put["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert (delete["method"], delete["text"]) == ("DELETE", "why")
    assert patch["headers"]["content-length"] == "0"
    assert lab.groups() == {"connect": 1}
    assert lab.counted()["GET /echo/a%20b"] == (1, {}, 0)


def test_head_has_no_body_and_the_client_goes_on(library: Library) -> None:
    async def ask(lab: Lab) -> tuple[int, bytes, int]:
        head = await lab.client.request("HEAD", "/echo")
        return head.status, head.body, (await lab.client.get("/echo")).status

    assert at_server(ask, library)[0] == (200, b"", 200)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "bare-deflate", "br", "zstd"])
def test_a_coded_answer_is_decoded_when_asked_for(coding: str, library: Library) -> None:
    async def ask(lab: Lab) -> tuple[str, str, bytes]:
        asked = (await lab.client.get("/echo")).json()["headers"]["accept-encoding"]
        whole = (await lab.client.get(f"/coded/{coding}")).text
        async with lab.client.stream("GET", f"/coded/{coding}") as answer:
            return asked, whole, b"".join([chunk async for chunk in answer])

    (asked, whole, streamed), _ = at_server(ask, library, decompress=True)
    assert asked == "gzip, deflate, br, zstd"
    assert whole == streamed.decode() == "decoded " * 1000


def test_nothing_is_decoded_that_was_not_asked_for(library: Library) -> None:
    async def ask(lab: Lab) -> tuple[bytes, dict[str, str]]:
        return (await lab.client.get("/coded/gzip")).body, (await lab.client.get("/echo")).json()["headers"]

    (body, headers), _ = at_server(ask, library)
    assert body.startswith(b"\x1f\x8b")
    assert "accept-encoding" not in headers


def test_an_unknown_coding_is_an_error_of_its_own(library: Library) -> None:
    async def ask(lab: Lab) -> str:
        with pytest.raises(OperationError, match="content coding 'lzma', which nobody asked for") as caught:
            await lab.client.get("/coded/lzma")
        return caught.value.kind

    kind, lab = at_server(ask, library, decompress=True)
    assert kind == "coding"
    assert lab.counted()["GET /coded/lzma"] == (0, {"coding": 1}, 0)


def test_settings_hold_from_the_next_request_on(library: Library) -> None:
    async def ask(lab: Lab) -> list[str | None]:
        asked = []
        for decompress in (True, False):
            lab.client.configure(decompress=decompress)
            asked.append((await lab.client.get("/echo")).json()["headers"].get("accept-encoding"))
        lab.client.set_header("Accept-Encoding", "own")
        lab.client.configure(timeout_s=7.0)
        asked.append((await lab.client.get("/echo")).json()["headers"].get("accept-encoding"))
        return asked

    asked, lab = at_server(ask, library)
    assert asked == ["gzip, deflate, br, zstd", None, "own"]
    assert lab.groups() == {"connect": 3}, "connections that were open are not used any more"


@pytest.mark.parametrize(("coding", "package"), [("br", "brotli"), ("zstd", "zstandard")])
def test_a_coding_whose_package_is_not_installed(
    coding: str, package: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(lab: Lab) -> str:
        monkeypatch.setitem(sys.modules, package, None)
        lab.client.configure(decompress=True)
        asked = (await lab.client.get("/echo")).json()["headers"]["accept-encoding"]
        with pytest.raises(OperationError, match=f"install the package {package}") as caught:
            await lab.client.get(f"/precoded/{coding}")
        assert caught.value.kind == "coding"
        return str(asked)

    assert coding not in at_server(ask, library)[0]


def test_an_answer_that_decodes_to_more_than_the_limit(library: Library) -> None:
    async def ask(lab: Lab) -> None:
        for coding in ("gzip", "br", "zstd"):
            with pytest.raises(OperationError, match="more than 5,000 bytes") as caught:
                await lab.client.get(f"/coded/{coding}", name="bomb")
            assert caught.value.kind == "too large"

    assert at_server(ask, library, decompress=True, max_body_bytes=5000)[1].counted()["bomb"] == (
        0,
        {"too large": 3},
        0,
    )


def test_a_body_longer_than_the_limit(library: Library) -> None:
    async def ask(lab: Lab) -> None:
        for path in ("/download?mebibytes=3", "/download?mebibytes=3&chunked=1"):
            with pytest.raises(OperationError, match="longer than 2,000,000 bytes"):
                await lab.client.get(path)
        async with lab.client.stream("GET", "/download?mebibytes=3") as answer:
            assert sum([len(chunk) async for chunk in answer]) == 3 * 2**20

    assert at_server(ask, library, max_body_bytes=2_000_000)[1].counted() == {"GET /download": (1, {"too large": 2}, 0)}


def test_cookies_come_back_where_they_belong(library: Library) -> None:
    async def ask(lab: Lab) -> list[Any]:
        client = lab.client
        await client.get("/set-cookie/x?a=1&b=2;%20Path=/echo&c=3;%20Secure&d=4;%20Path=/")
        cookies = [(await client.get(path)).json()["headers"].get("cookie") for path in ("/echo", "/echo/y")]
        await client.get("/set-cookie?d=;%20Max-Age=0;%20Path=/")
        gone = (await client.get("/echo")).json()["headers"].get("cookie")
        client.cookies.clear()
        return [*cookies, gone, (await client.get("/echo")).json()["headers"].get("cookie")]

    assert at_server(ask, library)[0] == ["b=2; d=4", "b=2; d=4", "b=2", None]
    assert at_server(ask, library, cookies=False)[0] == [None] * 4


def test_cookies_of_ones_own_are_sent_alone(library: Library) -> None:
    async def ask(lab: Lab) -> list[Any]:
        client = lab.client
        await client.get("/set-cookie?lb=1;%20Path=/")
        once = (await client.get("/echo", headers={"Cookie": "session=abc"})).json()["headers"]["cookie"]
        client.set_header("Cookie", "session=xyz")
        always = (await client.get("/echo")).json()["headers"]["cookie"]
        client.set_header("Cookie", None)
        return [once, always, (await client.get("/echo")).json()["headers"]["cookie"]]

    assert at_server(ask, library)[0] == ["session=abc", "session=xyz", "lb=1"]


@pytest.mark.parametrize(
    ("status", "method", "arrives"),
    [(301, "POST", "GET"), (302, "POST", "GET"), (302, "PUT", "PUT"), (303, "PUT", "GET"), (303, "HEAD", "HEAD"),
     (307, "POST", "POST"), (308, "DELETE", "DELETE")],
)  # fmt: skip
def test_a_redirect_is_followed_by_the_rules(status: int, method: str, arrives: str, library: Library) -> None:
    async def ask(lab: Lab) -> Any:
        body = {} if method == "HEAD" else {"json": {"a": 1}}
        answer = await lab.client.request(method, f"/redirect/{status}?to=/echo/there", name="first", **body)  # type: ignore[arg-type]
        return answer.status, answer.json() if answer.body else None

    (final, there), lab = at_server(ask, library, follow_redirects=True)
    assert final == 200
    assert lab.counted() == {"first": (1, {}, 0), f"{arrives} /echo/there": (1, {}, 0)}
    if there:
        assert there["text"] == ("" if arrives == "GET" else '{"a":1}')
        assert ("content-type" in there["headers"]) == (arrives != "GET")


def test_redirects_are_followed_only_when_asked_for(library: Library) -> None:
    async def ask(lab: Lab) -> int:
        return (await lab.client.get("/redirect/302?to=/echo")).status

    status, lab = at_server(ask, library)
    assert status == 302
    assert lab.counted() == {"GET /redirect/:id": (1, {}, 0)}


@pytest.mark.parametrize(
    "to",
    ["http://127.0.0.1:1/", "https://a.test/", "ftp://x/", "//[", "http://user:secret@a/", "/redirect/302?to=/x"],
)  # fmt: skip
def test_a_redirect_elsewhere_or_without_end_is_refused(to: str, library: Library) -> None:
    async def ask(lab: Lab) -> str:
        with pytest.raises(UnexpectedAnswer, match="redirect was not followed") as caught:
            await lab.client.get(f"/redirect/302?to={to}", name="first")
        return caught.value.kind

    kind, lab = at_server(ask, library, follow_redirects=True, max_redirects=1 if to != "/redirect/302?to=/x" else 0)
    assert kind == "redirect"
    assert lab.counted()["first"] == (1, {"redirect": 1}, 0)


def test_credentials_do_not_go_to_another_origin(library: Library) -> None:
    async def main() -> tuple[Any, Any]:
        async with serving_app() as url, serving_app() as other:
            lab = Lab(url, library, follow_redirects=True, allow_origins=(other,))
            lab.client.bearer_auth("secret")
            lab.client.set_header("X-Plain", "1")
            away = await lab.client.get(f"/redirect/302?to={other}/echo", headers={"Cookie": "a=b", "X-Own": "2"})
            home = await lab.client.get("/redirect/302?to=/echo")
            await lab.client.close()
            return away.json()["headers"], home.json()["headers"]

    away, home = run(main())
    assert not {"authorization", "cookie"} & set(away)
    assert (away["x-plain"], away["x-own"]) == ("1", "2")
    assert home["authorization"] == "Bearer secret"


@pytest.mark.parametrize(("failures", "retries", "status"), [(2, 2, 200), (2, 1, 503), (0, 3, 200)])
def test_retries_are_operations_too(failures: int, retries: int, status: int, library: Library) -> None:
    async def ask(lab: Lab) -> int:
        return (await lab.client.get(f"/flaky?key=k&failures={failures}", retries=retries)).status

    final, lab = at_server(ask, library, retry_pause_s=0.001)
    assert final == status
    ok, failed, interrupted = lab.counted()["GET /flaky"]
    assert (ok, interrupted) == (int(status == 200), 0)
    assert failed == ({"status 503": min(failures, retries + 1)} if failures else {})


def test_retries_when_nobody_answers(library: Library) -> None:
    async def main() -> Lab:
        async def hang_up(peer: Peer) -> None:
            await peer.request()

        async with serving(hang_up) as server:
            lab = Lab(server.url, library, retry_pause_s=0.001)
            with pytest.raises(OperationError):
                await lab.client.get("/x", retries=2)
            await lab.client.close()
        return lab

    assert run(main()).counted() == {"GET /x": (0, {"connection lost": 3}, 0)}


def test_timing_on_request(library: Library) -> None:
    async def ask(lab: Lab) -> Any:
        await lab.client.get("/echo")
        return (await lab.client.get("/download?mebibytes=1")).timing

    timing, lab = at_server(ask, library, timing=True)
    assert timing.connect_s is None, "the connection was open already"
    assert min(timing.first_byte_s, timing.body_s) >= 0
    assert lab.groups() == {
        "connect": 1, "first byte of GET /echo": 1, "body of GET /echo": 1,
        "first byte of GET /download": 1, "body of GET /download": 1,
    }  # fmt: skip
    assert at_server(ask, library)[0] is None


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        (b"", {"connection lost"}),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", {"connection lost"}),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", {"protocol"}),
        (b"SSH-2.0-OpenSSH\r\n\r\n", {"protocol"}),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 10_000 + b"\r\n", {"too large", "protocol"}),
    ],
    ids=["nothing", "half", "chunk", "garbage", "headers"],
)
def test_broken_answers_are_counted_by_name(answer: bytes, kinds: set[str], library: Library) -> None:
    async def main() -> Lab:
        async def talk(peer: Peer) -> None:
            await peer.request()
            await peer.say(answer)

        async with serving(talk) as server:
            lab = Lab(server.url, library)
            with pytest.raises(OperationError) as caught:
                await lab.client.get("/x")
            with pytest.raises(OperationError):
                await read(lab, "/y", [])
            assert caught.value.counted
            await lab.client.close()
        return lab

    for ok, failed, interrupted in run(main()).counted().values():
        assert (ok, sum(failed.values()), interrupted) == (0, 1, 0)
        assert set(failed) <= kinds


def test_refused_and_silent(library: Library) -> None:
    async def main() -> Lab:
        async with serving(lambda peer: answering(peer, b"")) as server:
            lab = Lab(server.url, library)
            sweeping = asyncio.create_task(sweep(lab.sweeper))
            with pytest.raises(OperationError):
                await lab.client.get("/silent", timeout_s=0.1)
            await lab.client.close()
            sweeping.cancel()
        with pytest.raises(OperationError):
            await lab.client.get("/refused")
        await lab.client.close()
        return lab

    assert run(main()).counted() == {
        "GET /silent": (0, {"timeout": 1}, 0),
        "GET /refused": (0, {"connection refused": 1}, 0),
    }


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"libary": "own"}, "unknown setting: 'libary'"),
        ({"library": "requests"}, "library='requests'"),
        ({"timeout_s": 0, "max_headers": 0}, "timeout_s=0 .*max_headers=0"),
        ({"ca_file": "/nowhere.pem"}, "certificates cannot be loaded"),
        ({"allow_origins": "http://a"}, "allow_origins"),
    ],
)
def test_settings_that_cannot_be_used(changes: dict[str, Any], text: str, library: Library) -> None:
    client = Lab("http://127.0.0.1:1", library).client
    before = client.settings
    with pytest.raises(UsageError, match=text):
        client.configure(**changes)
    assert client.settings is before
