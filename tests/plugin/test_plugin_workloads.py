"""Ready-made loads as tests take them: judged, refused before load, and gone however the run ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import asyncpg
import pytest
import redis as redis_py
from engine_lab import eventually

from pytest_roo_load.session.stack import Service
from pytest_roo_load.workloads.postgres.tables import PREFIX

Start = Callable[..., "subprocess.Popen[bytes]"]

# A shell's background jobs ignore SIGINT, and so would their children.
WITH_CTRL_C = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main(sys.argv[1:]))
"""
LOADS = """
    import pytest

    def test_redis(redis_stress):
        redis_stress.run("set", clients=2, duration="{length}", keys=500)

    def test_postgres(postgres_stress):
        postgres_stress.run("hot_row", clients=2, duration="{length}")

    @pytest.mark.sla("consistency == 100 %", "count of 'delivery' >= 500")
    def test_queue(message_queue):
        message_queue.run(messages=500)
"""


@pytest.fixture
def named(redis: Service, postgres: Service) -> tuple[str, str]:
    """The options that name services which outlive the pytest that is tested."""
    return f"--roo-redis={redis.url}", f"--roo-postgres={postgres.url}"


@pytest.fixture
def start(pytester: pytest.Pytester) -> Iterator[Start]:
    started = []

    def run(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", WITH_CTRL_C, "-p", "no:cacheprovider", *arguments]
        command += ["-o", "faulthandler_timeout=25"]  # of one that hangs the failed test shows where
        process = subprocess.Popen(command, cwd=pytester.path, start_new_session=True, stdout=subprocess.DEVNULL)
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def keys(redis: Service) -> list[bytes]:
    with redis_py.Redis.from_url(redis.url) as found:
        return list(found.scan_iter("roo:*", count=1000))


def schemas(postgres: Service) -> list[str]:
    async def names() -> list[str]:
        connection = await asyncpg.connect(postgres.url)
        try:
            rows = await connection.fetch(f"SELECT nspname FROM pg_namespace WHERE nspname LIKE '{PREFIX}%'")
            return [row[0] for row in rows]
        finally:
            await connection.close()

    return asyncio.run(names())


@pytest.mark.parametrize(("options", "generators"), [((), 1), (("-n", "2"), 2)], ids=["alone", "two workers"])
def test_ready_made_loads_are_judged_and_shown_like_others(
    pytester: pytest.Pytester, named: tuple[str, str], options: tuple[str, ...], generators: int
) -> None:
    pytester.makepyfile(LOADS.format(length="500 ms"))

    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", *options, *named, timeout=100)

    done.assert_outcomes(passed=3)
    results = [json.loads(path.read_text()) for path in pytester.path.glob(".roo/runs/*/results/*.json")]
    assert sorted(result["test"]["name"] for result in results) == ["test_postgres", "test_queue", "test_redis"]
    assert [len(run["generators"]) for result in results for run in result["runs"]] == [generators] * 3
    (queue,) = [result["runs"][0] for result in results if result["test"]["name"] == "test_queue"]
    assert {finding["verdict"] for finding in queue["findings"]} == {"pass"}
    assert {"name": "messages delivered", "value": 500, "dimension": "count"} in queue["facts"]
    assert queue["gauges"][0]["name"] == "depth of the queue"
    assert queue["values"] == {}, "what the checks are made of is not a value that a journey recorded"
    (report,) = pytester.path.glob(".roo/runs/*/report.html")
    page = report.read_text()
    assert "Depth of the queue" in page
    assert "no acknowledged message is lost" in page


MISUSES = {
    'postgres_stress.run("tpcc")': "workload is not known: 'tpcc'*did you mean tpcb?",
    'postgres_stress.run("read", client=3)': "unknown argument: 'client'*did you mean clients?",
    'postgres_stress.run("read", dsn="postgresql://db.example/x")': "argument dsn: load would leave this machine",
    'redis_stress.run("get", url="redis://127.0.0.1:9/0")': "Redis cannot be used",
    'redis_stress.run("get", rate="5/s", count=5)': "these exclude each other",
    'message_queue.run(queue="orders")': "the queue does not exist: 'orders'",
    'websocket_swarm.run("echo", url="ws://127.0.0.1:9/")': "the server cannot be reached",
}


def test_what_cannot_be_done_fails_with_the_line_that_asked(pytester: pytest.Pytester, named: tuple[str, str]) -> None:
    tests = (f"def test_{number}({run.partition('.')[0]}):\n    {run}\n" for number, run in enumerate(MISUSES))
    pytester.makepyfile(test_misuse="".join(tests))

    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", *named, timeout=60)

    done.assert_outcomes(failed=len(MISUSES))
    told = (f"test_misuse.py:{2 * number + 2}: {text}*" for number, text in enumerate(MISUSES.values()))
    done.stdout.fnmatch_lines(list(told))


def test_ctrl_c_leaves_nothing_of_ours_in_the_services(
    pytester: pytest.Pytester, start: Start, named: tuple[str, str], redis: Service, postgres: Service
) -> None:
    pytester.makepyfile(LOADS.format(length="60 s"))
    for test, left in (("test_redis", lambda: keys(redis)), ("test_postgres", lambda: schemas(postgres))):
        process = start("-k", test, *named)
        assert eventually(lambda left=left: left(), within_s=30)  # type: ignore[misc]

        process.send_signal(signal.SIGINT)

        assert process.wait(30) == pytest.ExitCode.INTERRUPTED
        assert left() == []


def test_the_next_run_takes_away_what_a_killed_one_left(
    pytester: pytest.Pytester, start: Start, named: tuple[str, str], postgres: Service
) -> None:
    pytester.makepyfile(LOADS.format(length="60 s"))
    process = start("-k", "test_postgres", *named)
    assert eventually(lambda: schemas(postgres), within_s=30)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (left,) = schemas(postgres)

    pytester.makepyfile(test_again=LOADS.format(length="100 ms"))
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "test_again.py", "-k", "test_postgres", *named, timeout=60)

    assert left not in schemas(postgres)
    assert schemas(postgres) == []
