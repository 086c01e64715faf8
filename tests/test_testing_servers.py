"""The servers that are shipped for tests do exactly what they say."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientSession

from pytest_roo_load.core.ports import User
from pytest_roo_load.errors import ConnectError, ServiceError, UsageError
from pytest_roo_load.testing import FakeUser, OracleServer, Stall, own_server


def statuses(oracle: OracleServer, requests: int, path: str = "/") -> list[int]:
    async def ask() -> list[int]:
        async with ClientSession(oracle.url) as session:
            return [await status_of(session, path) for _ in range(requests)]

    return asyncio.run(ask())


async def status_of(session: ClientSession, path: str) -> int:
    """The status, once the whole answer is there."""
    async with session.get(path) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize(("share", "errors"), [(0.0, 0), (0.1, 4), (0.29, 11), (1.0, 40)])
def test_the_oracle_errs_exactly_as_often_as_it_says(share: float, errors: int) -> None:
    with OracleServer(error_share=share) as oracle:
        answered = statuses(oracle, 40)
        assert answered.count(500) == oracle.errors == errors
        assert repr(oracle) == f"<OracleServer 40 requests, {errors} errors>"


def test_the_oracle_is_never_quicker_than_its_delay() -> None:
    async def fetch(user: User) -> None:
        async for _ in user.iterations():
            await user.http.get("/x")

    with OracleServer(delay_s=0.05) as oracle:
        latencies = FakeUser(iterations=5, target=oracle.url).perform(fetch).operations["GET /x"].ok
    assert len(latencies) == 5
    assert min(latencies) >= 0.05


def test_the_oracle_gives_the_answers_it_was_told() -> None:
    async def fetch(user: User) -> None:
        user.record("known", (await user.http.get("/items/4711?full=1")).json())
        user.record("unknown", (await user.http.post("/items")).status)

    with OracleServer(answers={"GET /items/:id": {"name": "tea"}}) as oracle:
        values = FakeUser(target=oracle.url).perform(fetch).values
    assert values == {"known": [{"name": "tea"}], "unknown": [404]}


def test_the_oracle_writes_down_what_it_did() -> None:
    with OracleServer(answers={"GET /page": b"12345"}, delay_s=lambda number: 0.02 if number == 2 else 0.0) as oracle:
        assert statuses(oracle, 2, "/page?x=1") == [200, 200]
        statuses(oracle, 1, "/other")
    assert [(one.path, one.status, one.body_bytes) for one in oracle.log[:2]] == [("/page?x=1", 200, 5)] * 2
    assert oracle.log[2].status == 404
    assert oracle.log[1].answered - oracle.log[1].arrived >= 0.02
    assert [one.arrived for one in oracle.log] == sorted(one.arrived for one in oracle.log)


def together(oracle: OracleServer, requests: int) -> None:
    """So many requests at once."""

    async def ask() -> None:
        async with ClientSession(oracle.url) as session:
            await asyncio.gather(*(status_of(session, "/") for _ in range(requests)))

    asyncio.run(ask())


def test_the_oracle_has_as_many_workers_as_it_says() -> None:
    with OracleServer(delay_s=0.02, workers=2) as oracle:
        together(oracle, 8)
    answered = sorted(one.answered for one in oracle.log)
    assert [later - earlier >= 0.02 for earlier, later in zip(answered, answered[2:], strict=False)] == [True] * 6


def test_nobody_is_answered_while_the_oracle_stalls() -> None:
    with OracleServer(stall=Stall(at=2, length_s=0.2)) as oracle:
        together(oracle, 5)
    first, *others = sorted(oracle.log, key=lambda one: one.answered)
    begun = min(one.arrived for one in others)
    assert first.answered < begun + 0.2
    assert [one.answered >= begun + 0.2 for one in others] == [True] * 4


def test_the_oracle_ends_once_and_for_all() -> None:
    with OracleServer() as oracle:
        assert statuses(oracle, 1) == [200]
    oracle.close()
    with pytest.raises(OSError, match="Cannot connect"):
        statuses(oracle, 1)


@pytest.mark.parametrize("given", [{"delay_s": -1}, {"error_share": 1.5}, {"error_share": -0.1}, {"workers": 0}])
def test_an_oracle_that_cannot_be_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="no such oracle"):
        OracleServer(**given)  # type: ignore[arg-type]


# Servers of one's own


def test_a_server_runs_while_the_block_lasts(tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_text("hello")

    async def fetch(user: User) -> None:
        user.record("text", (await user.http.get("/hello.txt")).text)

    with own_server(sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}", cwd=tmp_path) as url:
        port = int(url.rpartition(":")[2])
        assert FakeUser(target=url).perform(fetch).values == {"text": ["hello"]}
    assert port < 32_768, "outside the range of outgoing connections"
    with pytest.raises(ConnectError):
        FakeUser(target=url).perform(fetch)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ((sys.executable, "-c", "print('no database'); raise SystemExit(3)"), "ended with status 3; it wrote:\nno dat"),
        ((sys.executable, "-c", "raise SystemExit(4)"), "ended with status 4 and wrote nothing"),
        (("no-such-program",), "no-such-program cannot be started"),
    ],
)
def test_a_server_that_does_not_come_up_says_why(command: tuple[str, ...], told: str) -> None:
    with pytest.raises(ServiceError) as caught, own_server(*command):
        raise AssertionError("it has come up")
    assert told in str(caught.value)


def test_a_server_that_a_shell_has_started_ends_with_the_block() -> None:
    command = f"{sys.executable} -m http.server --bind 127.0.0.1 {{port}}; true"
    with own_server("sh", "-c", command) as url:
        listening = [one.pid for one in psutil.net_connections() if one.laddr and url.endswith(f":{one.laddr[1]}")]
        assert any(listening)
    assert not any(pid and psutil.pid_exists(pid) for pid in listening)


def test_a_server_that_does_not_want_to_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_roo_load.testing.process._STOP_S", 0.1)
    deaf = "import signal, sys, http.server as h; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    deaf += "h.HTTPServer(('127.0.0.1', int(sys.argv[1])), h.BaseHTTPRequestHandler).serve_forever()"
    with own_server(sys.executable, "-c", deaf, "{port}") as url:
        listening = [one.pid for one in psutil.net_connections() if one.laddr and url.endswith(f":{one.laddr[1]}")]
        assert any(listening)
    assert not any(pid and psutil.pid_exists(pid) for pid in listening)
