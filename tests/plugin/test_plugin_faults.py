"""Tests that break things: on the embedded stack, and what is refused before anything is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

RunPytest = Callable[..., pytest.RunResult]
MakeTests = Callable[..., object]
OUTAGE = """
    import psutil
    import pytest
    from pytest_roo_load import constant_users, seconds
    from pytest_roo_load.clients.ccs import CCS


    async def chat(user):
        conversation = await (await CCS(user).login()).create_conversation()
        async for _ in user.iterations():
            await conversation.post("hello")
            await user.think(0.05)


    @pytest.mark.sla("p95 < 2 s", "recovery_time < 3 s")
    def test_postgres_outage(virtual_users, faults):
        outage = faults.at("1 s").kill("postgres").then_after("1 s").restart("postgres")
        result = virtual_users.run(chat, constant_users(3, "6 s"), faults=outage)
        assert result.recovery_time < seconds(3)
        assert result.phases["fault"].failed
        assert "status 503" in result.phases["fault"].errors
        assert list(result.phases) == ["steady", "fault", "recovery"]


    @pytest.mark.sla("error_rate < 1 %", "recovery_time < 3 s")
    def test_never_recovers(virtual_users, faults):
        outage = faults.at("1 s").kill("postgres")
        result = virtual_users.run(chat, constant_users(3, "5 s"), faults=outage)
        assert result.recovery_time < seconds(3)


    @pytest.mark.sla("error_rate < 1 %")
    def test_not_what_was_meant(virtual_users, faults):
        faults = faults.at("500 ms").kill("redis").at("700 ms").kill("redis").then_after("300 ms").restart("redis")
        virtual_users.run(chat, constant_users(3, "3 s"), faults=faults)


    @pytest.mark.sla("p95 < 250 ms", "recovery_time < 3 s")
    def test_slow_users(virtual_users, faults):
        slow = faults.at("500 ms").slow("ccs", latency="300 ms", duration="2500 ms")
        slow = slow.at("1 s").kill("ccs").then_after("100 ms").restart("ccs")
        result = virtual_users.run(chat, constant_users(3, "8 s"), faults=slow)
        assert result.phases["fault"].p50 > 0.3
        (proxy,) = virtual_users._run.keeper.services()["links"].pids
        assert psutil.Process(proxy).cmdline()[-2:] == ["--seed", "42"]


    def test_all_is_well_again(virtual_users):
        result = virtual_users.run(chat, constant_users(3, "1 s"))
        assert result.error_rate == 0
"""


def test_outages_of_the_embedded_stack(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=OUTAGE)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--roo-seed=42", timeout=120)
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["*<never recovered: second 4: error_rate < 1 % was 100 %>*"])
    result.stdout.fnmatch_lines(["*fault 'kill redis' at second 0.7: it did not take hold: no process of redis runs*"])
    results: dict[str, Any] = {}
    for path in pytester.path.glob(".roo/runs/*/results/*.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        results[found["test"]["name"]] = found
    assert results["test_not_what_was_meant"]["verdict"] == "invalid"
    (run,) = results["test_postgres_outage"]["runs"]
    assert run["faults"][0]["text"] == "kill postgres"
    assert run["faults"][0]["began_s"] >= 1
    assert run["recoveries"][0]["from_s"] == run["faults"][0]["ended_s"]
    (run,) = results["test_never_recovers"]["runs"]
    assert run["recoveries"][0]["seconds"] is None
    [page] = pytester.path.glob(".roo/runs/*/report.html")
    assert "kill postgres" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("schedule", "arguments", "told"),
    [
        ('faults.at(1).kill("ccs")', (), "target was not started by this run*add --roo-allow-destructive"),
        ('faults.at(1).kill("ccs")', ("--roo-allow-destructive",), "could not be started again*"),
        ('faults.at(1).slow("ccs", latency="1 s")', (), "do not go by way of the proxy*"),
        ('faults.at(1).kill("redis")', (), "nothing to break of this name: 'redis'*"),
        ("faults.at(1).pause_replication()", (), "there is no standby*take the fixture postgres_standby*"),
        ('faults.at(9).kill("redis")', (), "a fault begins or ends when the load is over*second 5)"),
        ('"kill redis"', (), "not a schedule of faults: 'kill redis'*"),
        ('faults.at("soon").kill("redis")', (), "not a quantity: 'soon'*"),
    ],
)
def test_what_is_refused_before_any_load(
    run_pytest: RunPytest, make_tests: MakeTests, schedule: str, arguments: tuple[str, ...], told: str
) -> None:
    make_tests(
        f"def test_it(virtual_users, faults):\n    virtual_users.run(visit, constant_users(1, 5), faults={schedule})\n"
    )
    result = run_pytest(*arguments)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{told}"])


def test_a_server_of_ones_own_is_paused_with_permission(pytester: pytest.Pytester, make_tests: MakeTests) -> None:
    make_tests(
        """
        def test_it(virtual_users, faults):
            pause = faults.at("1 s").pause("ccs", duration="1 s")
            result = virtual_users.run(visit, constant_users(1, "6 s"), faults=pause)
            waited = [result.phases[name].maximum or 0 for name in ("steady", "fault")]
            assert max(waited) > 0.5, "the one user may have begun its request just before the fault"
            assert result.recovery_time < 2
        """,
        conftest="""
        import subprocess, sys, pytest

        SERVER = '''
        import http.server
        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
            def log_message(self, *_): pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        print(server.server_port, flush=True)
        server.serve_forever()
        '''

        @pytest.fixture(scope="session")
        def target():
            import textwrap
            server = [sys.executable, "-c", textwrap.dedent(SERVER)]
            process = subprocess.Popen(server, stdout=subprocess.PIPE, text=True)
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
            process.kill()
            process.wait()
            process.stdout.close()
        """,
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--roo-allow-destructive", timeout=120)
    result.assert_outcomes(passed=1)
