from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from core_samples import result

from pytest_roo_load.core.allocations import AllocationGrowth, Site
from pytest_roo_load.core.leak import LeakLimits
from pytest_roo_load.core.leak_check import leak_in
from pytest_roo_load.core.result import ResourceUse, Result
from pytest_roo_load.core.timeline import ProcessUse, Second
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

MB = 1_000_000
Uses = Mapping[str, Callable[[int], int | None]]


def run_of(memory_mb: list[float], *, warm_up: int = 0, stop: int = 0, uses: Uses | None = None) -> Result:
    """A run whose steady phase follows so many seconds of warm-up; `uses` tell what else it used at each.

    So many seconds at its end are the graceful stop's.
    """
    seconds = [
        Second(
            t=t,
            phase="warm_up" if t < warm_up else "steady",
            resources={"ccs": ProcessUse(memory_bytes=round(memory * MB), cpu_s=0, processes=1, **_at(t, uses or {}))},
        )
        for t, memory in enumerate(memory_mb)
    ]
    use = ResourceUse(memory_peak=MB, cpu_mean=0.1, cores=1, looks=len(seconds))
    made = result(start=warm_up, duration=len(seconds) - warm_up - stop, timeline=seconds)
    return replace(made, resources={"ccs": use})


def _at(t: int, uses: Uses) -> dict[str, Any]:
    return {name: use(t) for name, use in uses.items()}


def check(result: Result, use: str = "memory", control: Result | None = None) -> tuple[Verdict, str]:
    found = leak_in(result, "ccs", use, limits=None, control=control)
    assert found.promise == f"the {use} of ccs {'does' if 'memory' in use else 'do'} not go on growing"
    return found.verdict, found.note


def test_growing_memory_fails_and_says_by_how_much() -> None:
    verdict, note = check(run_of([100 + t for t in range(61)]))
    assert verdict is Verdict.FAIL
    assert note.startswith("troughs grew by 60 MB in 60 s around ")


def test_a_leak_of_memory_is_told_with_the_lines_that_grew() -> None:
    site = Site(place="cart.py:7", through="", size_bytes=60 * MB, blocks=61)
    grown = AllocationGrowth(from_s=0, to_s=60, processes=1, total_bytes=60 * MB, sites=(site,))
    run = replace(run_of([100 + t for t in range(61)], uses={"threads": lambda t: t}), allocations={"ccs": grown})
    found = leak_in(run, "ccs", "memory", limits=None, control=None)
    assert "  cart.py:7: 60 MB in 61 blocks" in found.problems[0].details
    assert str(found).endswith("    cart.py:7: 60 MB in 61 blocks")
    assert leak_in(run, "ccs", "threads", limits=None, control=None).problems[0].details == ()


def test_a_leak_without_traced_allocations_says_how_to_have_them() -> None:
    found = leak_in(run_of([100 + t for t in range(61)]), "ccs", "memory", limits=None, control=None)
    assert found.problems[0].details == ("no allocation sites: this run was started without --roo-allocations 3",)


def test_what_grows_in_the_warm_up_does_not_count() -> None:
    assert check(run_of([min(t, 30) * 5.0 for t in range(80)], warm_up=30))[0] is Verdict.PASS
    assert check(run_of([t * 5.0 for t in range(40)], warm_up=30))[0] is Verdict.NO_DATA


def test_what_stands_still_in_the_graceful_stop_does_not_count() -> None:
    growing = [100.0 + t for t in range(40)]
    assert check(run_of(growing + growing[-1:] * 40, stop=40))[0] is Verdict.FAIL
    verdict, note = check(run_of([100.0] * 20, stop=10))
    assert verdict is Verdict.NO_DATA
    assert note == "10 seconds were looked at, where 16 is the least"


@pytest.mark.parametrize(
    ("use", "field", "floor"),
    [
        ("unique memory", "unique_bytes", 4 * MB),
        ("descriptors", "descriptors", 20),
        ("connections", "connections", 20),
        ("threads", "threads", 5),
        ("tasks", "tasks", 20),
    ],
)
def test_every_use_has_a_floor_of_its_own(use: str, field: str, floor: int) -> None:
    def growing_by(total: float) -> Result:
        return run_of([100.0] * 60, uses={field: lambda t: round(floor / 10 + total * t / 59)})

    assert check(growing_by(0), use)[0] is Verdict.PASS
    assert check(growing_by(0.8 * floor), use)[0] is Verdict.PASS
    assert check(growing_by(1.5 * floor), use)[0] is Verdict.FAIL


def test_unique_memory_that_leaks_is_told_with_the_lines_that_grew_as_well() -> None:
    run = run_of([100.0] * 60, uses={"unique_bytes": lambda t: t * MB})
    (problem,) = leak_in(run, "ccs", "unique memory", limits=None, control=None).problems
    assert problem.details == ("no allocation sites: this run was started without --roo-allocations 3",)


def test_what_was_never_told_is_no_data_and_says_how_to_have_it() -> None:
    run = run_of([100.0] * 60)
    assert check(run, "descriptors") == (Verdict.NO_DATA, "the system did not tell")
    verdict, note = check(run, "tasks")
    assert verdict is Verdict.NO_DATA
    assert note.startswith("no process has told how many it has: that takes --roo-tasks, and a Python program")


def test_what_was_told_seldom_is_judged_by_the_seconds_in_which_it_was() -> None:
    def leaking(t: int) -> int | None:
        return 10 * t if t % 3 == 0 else None

    assert check(run_of([1.0] * 60, uses={"connections": leaking}), "connections")[0] is Verdict.FAIL
    verdict, note = check(run_of([1.0] * 45, uses={"connections": leaking}), "connections")
    assert verdict is Verdict.NO_DATA
    assert note == "15 seconds were looked at, where 16 is the least; it was known in 15 of 45"
    assert check(run_of([1.0] * 9))[1] == "9 seconds were looked at, where 16 is the least"


def test_what_it_grows_by_without_load_is_taken_off() -> None:
    growing = run_of([100 + t for t in range(60)])
    assert check(growing, control=growing)[0] is Verdict.PASS


@pytest.mark.parametrize(
    ("process", "use", "told"),
    [
        ("ccs", "handles", r"memory, unique memory, descriptors, connections, threads, tasks\)$"),
        ("ccs", "conections", r"did you mean connections\?$"),
        ("nginx", "memory", "ccs"),
    ],
)
def test_what_there_is_not_is_refused(process: str, use: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        leak_in(run_of([1.0] * 30), process, use, limits=None, control=None)


def test_limits_without_a_growth_have_the_usual_one_of_what_is_looked_at() -> None:
    threads: Uses = {"threads": lambda t: t // 2}
    grown = run_of([100.0] * 40, uses=threads)
    strict = LeakLimits(chance=0.005)
    assert leak_in(grown, "ccs", "threads", limits=strict, control=None).verdict is Verdict.FAIL
    assert leak_in(grown, "ccs", "threads", limits=replace(strict, growth=50), control=None).verdict is Verdict.PASS
