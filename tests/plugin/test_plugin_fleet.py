"""Under pytest -n the workers generate each load together."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from fleet_lab import each_once, generators, intervals_of_ordinary_tests, measured, overlaps

Make = Callable[..., object]
Distribute = Callable[..., pytest.RunResult]

TESTS = """
    import json, time
    from pathlib import Path
    from pytest_roo_load import made_feed

    ROWS = made_feed(lambda number: number)

    async def collect(user):
        await user.think(0.02)
        user.record("user", user.id)
        user.record("chance", user.random.random())
        async for _ in user.iterations():
            user.record("row", user.take(ROWS))
            user.check(user.id != 3, "is not the third")
            await user.http.get("/x/1")
            await user.think(0.05)

    class TestFirst:
        def test_merged(self, virtual_users):
            result = virtual_users.run(collect, constant_users(17, "0.6 s"))
            rows = result.values["row"].items
            assert len(rows) == len(set(rows)) >= result.operations["GET /x/:id"].count > 17
            assert sorted(result.values["user"].items) == list(range(17))
            assert len(set(result.values["chance"].items)) == 17
            assert result.users == 17
            assert result.errors["check"].count and "for user 3" in result.errors["check"].exemplar

        def test_split(self, virtual_users):
            result = virtual_users.run(visit, iterations(101, users=17))
            assert result.count == result.steady.iterations == 101

    @pytest.mark.xdist_group("two")
    def test_arrivals(virtual_users):
        from pytest_roo_load import arrival_rate
        result = virtual_users.run(visit, arrival_rate("80/s", "0.5 s", max_users=16))
        assert result.arrivals == 40

    @pytest.mark.parametrize("number", range(6))
    def test_ordinary(number):
        began = time.perf_counter()
        until = began + 0.02
        while time.perf_counter() < until:
            pass
        Path(f"interval-{number}.json").write_text(json.dumps([began, time.perf_counter()]))
"""


@pytest.mark.parametrize(
    ("workers", "more"),
    [
        ("8", ()),
        ("3", ("--dist=loadscope",)),
        ("3", ("--dist=loadgroup",)),
        ("3", ("--dist=worksteal", "--timeout=30")),
    ],
    ids=["load", "loadscope", "loadgroup", "worksteal"],
)
def test_all_workers_generate_and_nothing_overlaps(
    make_tests: Make, distribute: Distribute, pytester: pytest.Pytester, workers: str, more: tuple[str, ...]
) -> None:
    make_tests(TESTS)
    outcome = distribute("-n", workers, *more)
    assert each_once(outcome, 9)
    results = measured(pytester.path)
    assert [generators(result) for result in results] == [[f"gw{number}" for number in range(int(workers))]] * 3
    ordinary = intervals_of_ordinary_tests(pytester.path)
    assert len(ordinary) == 6
    assert overlaps(results, ordinary) == []
    assert len(list(pytester.path.glob(".roo/runs/*/report.html"))) == 1


def test_one_test_for_many_workers(make_tests: Make, distribute: Distribute, pytester: pytest.Pytester) -> None:
    make_tests("""
        def test_measure(virtual_users):
            virtual_users.run(visit, constant_users(8, "0.3 s"))
    """)
    assert each_once(distribute("-n", "8"), 1)
    (result,) = measured(pytester.path)
    assert generators(result) == [f"gw{number}" for number in range(8)]
    (health, *_) = result["runs"][0]["generators"]
    assert health["pid"]
    assert health["lag_max_s"] is not None
    page = next(pytester.path.glob(".roo/runs/*/report.html")).read_text(encoding="utf-8")
    assert "8 xdist workers" in page
    assert all(f"gw{number}" in page for number in range(8))


def test_no_more_generators_than_users_or_than_asked_for(make_tests: Make, distribute: Distribute) -> None:
    make_tests("""
        import os
        from pathlib import Path

        def test_users(virtual_users):
            result = virtual_users.run(visit, constant_users(1, "0.2 s"))
            assert [health.name for health in result.generators] != [os.environ["PYTEST_XDIST_WORKER"]]

        def test_asked(virtual_users):
            assert len(virtual_users.run(visit, constant_users(4, "0.2 s")).generators) == 2
    """)
    assert each_once(distribute("-n", "3", "--roo-generators=2"), 2)


@pytest.mark.parametrize("fleet", ["local", "inline"])
def test_other_fleets_under_xdist(
    make_tests: Make, distribute: Distribute, pytester: pytest.Pytester, fleet: str
) -> None:
    make_tests("""
        def test_measure(virtual_users):
            virtual_users.run(visit, constant_users(2, "0.2 s"))
    """)
    assert each_once(distribute("-n", "2", f"--roo-fleet={fleet}"), 1)
    (result,) = measured(pytester.path)
    assert generators(result) == ["inline" if fleet == "inline" else "local-0"]


def test_warnings_and_output_of_journeys_do_no_harm(make_tests: Make, distribute: Distribute) -> None:
    """Filters of warnings are one for all threads, so "error" in the test's process would reach the journeys in it."""
    make_tests("""
        import sys, warnings

        async def chatter(user):
            async for number in user.iterations():
                warnings.warn("old", DeprecationWarning)
                await user.http.get("/x/1")
                print("journey", number)
                await user.think(0.05)

        async def leave(user):
            async for _ in user.iterations():
                await user.think(0.01)
                sys.exit(3)

        @pytest.mark.filterwarnings("error")
        def test_chatter(virtual_users):
            result = virtual_users.run(chatter, constant_users(2, "0.3 s"))
            assert not result.errors and result.steady.iterations > 2
            with pytest.raises(DeprecationWarning):
                warnings.warn("the test's own", DeprecationWarning)

        def test_leave(virtual_users):
            virtual_users.run(leave, constant_users(2, "0.3 s"))

        def test_later(virtual_users):
            result = virtual_users.run(chatter, constant_users(2, "0.3 s"))
            assert len(result.generators) == 2
    """)
    outcome = distribute("-n", "2")
    outcome.assert_outcomes(passed=2, failed=1)
    outcome.stdout.fnmatch_lines(["*generator gw* died; *"])
    outcome.stdout.no_fnmatch_line("*ResourceWarning*")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--roo-fleet=xdist",),
            "there are no workers to generate load: 'xdist' (allowed: runs under pytest-xdist); add -n",
        ),
        (("-n", "2", "--dist=each"), "--dist each runs every test on every worker"),
    ],
)
def test_what_cannot_measure_is_refused_with_a_reason(
    make_tests: Make, distribute: Distribute, pytester: pytest.Pytester, arguments: tuple[str, ...], told: str
) -> None:
    make_tests("""
        def test_measure(virtual_users):
            virtual_users.run(visit, constant_users(2, "0.2 s"))
    """)
    outcome = distribute(*arguments)
    assert outcome.ret != 0
    assert told in outcome.stdout.str() + outcome.stderr.str()
    assert not list(pytester.path.glob(".roo/runs/*/live/*"))


def test_without_xdist(make_tests: Make, pytester: pytest.Pytester, small_server: object) -> None:
    make_tests("""
        def test_measure(virtual_users):
            virtual_users.run(visit, constant_users(2, "0.2 s"))
    """)
    url = small_server.url  # type: ignore[attr-defined]
    outcome = pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider", f"--roo-target={url}")
    outcome.assert_outcomes(passed=1)
    (result,) = measured(pytester.path)
    assert generators(result) == ["local-0"]


def test_the_clock_of_pytest_timeout_starts_when_a_test_has_its_turn(
    make_tests: Make, distribute: Distribute, pytester: pytest.Pytester
) -> None:
    """Three loads of 1.5 s one after another, each with a limit of 4 s that all of them together pass."""
    make_tests("""
        @pytest.mark.parametrize("number", range(3))
        def test_measure(virtual_users, number):
            virtual_users.run(visit, constant_users(3, "1.5 s"))

        def test_late(virtual_users):
            virtual_users.run(visit, constant_users(3, "60 s"))
    """)
    outcome = distribute("-n", "3", "--timeout=4")
    outcome.assert_outcomes(passed=3, failed=1)
    outcome.stdout.fnmatch_lines(["*Failed: Timeout*"])
    results = measured(pytester.path)
    assert all(generators(result) == ["gw0", "gw1", "gw2"] for result in results if result["verdict"] == "pass")
    assert overlaps([result for result in results if result["verdict"] == "pass"], []) == []
    assert json.loads((pytester.path / ".roo/runs").glob("*/run.json").__next__().read_text())["status"] == "complete"
