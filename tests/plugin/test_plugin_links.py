"""Links of the user's own: faults between users and a server that this project knows nothing of."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from scipy.stats import binom

RunPytest = Callable[..., pytest.RunResult]
MakeTests = Callable[..., object]

SHOP = """
    import sys
    from aiohttp import web

    async def item(request):
        return web.json_response({"id": request.match_info["id"]})

    app = web.Application()
    app.router.add_get("/x/{id}", item)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""
TARGET = """
    import sys, pytest
    from pathlib import Path
    from pytest_roo_load.testing import own_server

    @pytest.fixture(scope="session")
    def server():
        with own_server(sys.executable, "shop.py", "{port}", cwd=Path(__file__).parent) as url:
            yield url

    @pytest.fixture
    def target(server, links):
        return links.open("shop", server).url
"""


def results(pytester: pytest.Pytester) -> dict[str, Any]:
    found = [json.loads(path.read_text("utf-8")) for path in pytester.path.glob(".roo/runs/*/results/*.json")]
    return {one["test"]["name"]: one for one in found}


def test_a_server_of_ones_own_is_slow_for_its_users(pytester: pytest.Pytester, make_tests: MakeTests) -> None:
    """In a run of one process and in one of two workers, which take place at once and do not disturb each other."""
    make_tests(
        """
        import os, socket, psutil

        PORTS = []

        @pytest.mark.sla("p95 < 250 ms", "recovery_time < 3 s")
        @pytest.mark.parametrize("turn", [1, 2])
        def test_slow(virtual_users, faults, links, target, turn):
            slow = faults.at("1 s").slow("shop", latency="300 ms", duration="1500 ms")
            result = virtual_users.run(visit, constant_users(3, "6 s"), faults=slow)
            assert result.phases["fault"].maximum > 0.3
            assert result.phases["recovery"].p50 < 0.3
            assert result.error_rate == 0
            assert result.resources["target"].memory_peak > 10_000_000
            PORTS.append(int(target.rpartition(":")[2]))

        def test_links_go_when_their_test_ends(links):
            for port in PORTS:
                with socket.socket() as one:
                    assert one.connect_ex(("127.0.0.1", port)) != 0
        """,
        conftest=TARGET,
        shop=SHOP,
    )

    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    pipes: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
    with pytester.popen(command, **pipes) as plain, pytester.popen([*command, "-n2"], **pipes) as distributed:
        told = [one.communicate(timeout=120)[0] for one in (plain, distributed)]
    assert [pytest.RunResult.parse_summary_nouns(one.splitlines()) for one in told] == [{"passed": 3}] * 2, told

    assert len(list(pytester.path.glob(".roo/runs/*"))) == 2
    found = results(pytester)
    (fault,) = found["test_slow[1]"]["runs"][0]["faults"]
    assert fault["text"] == "slow shop (latency_s 0.3, jitter_s 0)"
    assert "live connections of link " in fault["evidence"]
    assert fault["evidence"].endswith("shop, downstream")


def test_the_processes_of_the_target_are_those_behind_the_link(
    pytester: pytest.Pytester, make_tests: MakeTests
) -> None:
    make_tests(
        """
        from pytest_roo_load.session.stack import pids_behind

        def test_it(virtual_users, server):
            virtual_users.run(visit, iterations(3, users=1))
            assert virtual_users._run.stack.target().pids == pids_behind(server) != ()
        """,
        conftest=TARGET,
        shop=SHOP,
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=60).assert_outcomes(passed=1)


TELEMETRY = """
    import socket, threading
    from collections import Counter

    class Collector(threading.Thread):
        '''Counts datagrams by their text, and sends each back.'''

        def __init__(self):
            super().__init__(daemon=True)
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
            self.seen = Counter()

        def run(self):
            while (found := self.socket.recvfrom(100))[0] != b"end":
                self.seen[found[0].decode()] += 1
                self.socket.sendto(*found)

    @pytest.fixture
    def collector():
        thread = Collector()
        thread.start()
        yield thread
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"end", thread.socket.getsockname())
        thread.join(5)
        thread.socket.close()

    ROUNDS, EACH = 100, 5

    def test_telemetry(virtual_users, faults, links, collector):
        link = links.open("telemetry", collector.address, datagrams=True)

        async def send(user):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                async for number in user.iterations():
                    await user.http.get("/x/1")
                    await user.think(0.01 if number else 2.5)    # all faults are there by then
                    if number < ROUNDS:
                        for place in range(EACH):
                            one.sendto(b"%d %d %d" % (user.id, number, place), link.address)
                    elif number == ROUNDS:
                        user.record("all sent", True)

        lossy = faults.at("500 ms").lose("telemetry", rate="10 %", direction="upstream")
        lossy = lossy.at("1 s").duplicate("telemetry", rate="20 %", direction="upstream")
        result = virtual_users.run(send, constant_users(2, "8 s"), faults=lossy)
        assert result.values["all sent"].items == [True, True]
        assert not [one.misfire for one in result.faults if one.misfire]
        print("SEEN", len(collector.seen), sum(count == 2 for count in collector.seen.values()), collector.seen.total())
"""


def test_datagrams_are_lost_and_doubled_as_it_was_said(run_pytest: RunPytest, make_tests: MakeTests) -> None:
    make_tests(TELEMETRY)
    outcome = run_pytest("-s")
    outcome.assert_outcomes(passed=1)
    (line,) = [line for line in outcome.outlines if "SEEN" in line]
    arrived, twice, total = map(int, line.partition("SEEN")[2].split())
    assert total == arrived + twice
    for count, share, of in ((1000 - arrived, 0.1, 1000), (twice, 0.2, arrived)):
        low, high = binom.interval(0.999, of, share)
        assert low <= count <= high, f"{count} of {of} at {share}"


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ('faults.at(1).slow("mysql", latency="1 s")', "no such link: 'mysql' (allowed: shop, telemetry, ccs, *"),
        ('faults.at(1).cut("telemetry")', "not to be done to the datagrams of link telemetry: 'cut' (allowed: slow, *"),
        ('faults.at(1).duplicate("shop", rate="1 %")', "not to be done to the connections of link shop: 'duplicate'*"),
        ('faults.at(1).lose("telemetry", rate="1 %", probability="1 %")', "link telemetry has no connections*"),
    ],
)
def test_what_is_refused_before_any_load(
    run_pytest: RunPytest, make_tests: MakeTests, small_server: Any, schedule: str, told: str
) -> None:
    make_tests(
        f"""
        def test_it(virtual_users, faults, links):
            links.open("shop", "127.0.0.1:9")
            links.open("telemetry", "127.0.0.1:9", datagrams=True)
            virtual_users.run(visit, constant_users(1, 5), faults={schedule})
        """
    )
    before = small_server.requests
    result = run_pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*argument faults: {told}"])
    assert small_server.requests == before


def test_a_link_that_nothing_came_to_makes_the_run_invalid(
    run_pytest: RunPytest, make_tests: MakeTests, pytester: pytest.Pytester
) -> None:
    make_tests(
        """
        def test_it(virtual_users, faults, links):
            links.open("telemetry", "127.0.0.1:9", datagrams=True)
            lossy = faults.at("200 ms").lose("telemetry", rate="10 %", duration="500 ms")
            virtual_users.run(visit, constant_users(1, "2 s"), faults=lossy)
        """
    )
    run_pytest().assert_outcomes(failed=1)
    (found,) = results(pytester).values()
    assert found["verdict"] == "invalid"
    (fault,) = found["runs"][0]["faults"]
    assert fault["problem"] == "it did not take hold: it touched none of the 0 datagrams of link telemetry"


def test_a_link_without_a_load(pytester: pytest.Pytester) -> None:
    """Also in a test that has an event loop, and when a fixture of a wider scope has the server."""
    pytester.makepyfile(
        """
        import asyncio, contextlib, socket

        def test_it(links):
            with socket.create_server(("127.0.0.1", 0)) as server:
                async def opened():
                    return links.open("shop", "127.0.0.1:%d" % server.getsockname()[1])
                link = asyncio.run(opened())
                with socket.create_connection(link.address) as one:
                    other, _ = server.accept()
                    with other:
                        one.sendall(b"hello")
                        assert other.recv(9) == b"hello"
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=60).assert_outcomes(passed=1)


def test_kill_9_leaves_no_link(make_tests: MakeTests, pytester: pytest.Pytester, small_server: Any) -> None:
    make_tests(
        """
        from pathlib import Path

        def test_it(virtual_users, faults, links):
            shop = links.open("shop", "127.0.0.1:9")
            telemetry = links.open("telemetry", "127.0.0.1:9", datagrams=True)
            Path("ports.tmp").write_text(f"{shop.port} {telemetry.port}")
            Path("ports.tmp").rename("ports")
            virtual_users.run(visit, constant_users(1, "60 s"), faults=faults.at(0).partition("shop"))
        """
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--roo-target={small_server.url}"]
    process = subprocess.Popen(command, cwd=pytester.path, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: (pytester.path / "ports").exists() and loading(pytester), "no load began")
        ports = [int(port) for port in (pytester.path / "ports").read_text().split()]
        assert not free(ports[0], socket.SOCK_STREAM)
        assert not free(ports[1], socket.SOCK_DGRAM)
        process.kill()
        process.wait(20)
        eventually(lambda: free(ports[0], socket.SOCK_STREAM), "the link for connections stayed")
        eventually(lambda: free(ports[1], socket.SOCK_DGRAM), "the link for datagrams stayed")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def loading(pytester: pytest.Pytester) -> bool:
    return any(path.stat().st_size for path in pytester.path.glob(".roo/runs/*/live/*.ndjson"))


def eventually(predicate: Callable[[], object], what: str) -> None:
    until = time.monotonic() + 20
    while not predicate():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def free(port: int, kind: socket.SocketKind) -> bool:
    """Whether the port can be had."""
    with socket.socket(socket.AF_INET, kind) as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
