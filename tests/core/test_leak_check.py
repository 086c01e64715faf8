from __future__ import annotations

from dataclasses import replace

import pytest
from core_samples import result

from pytest_roo_load.core.allocations import AllocationGrowth, Site
from pytest_roo_load.core.leak_check import leak_in
from pytest_roo_load.core.result import ResourceUse, Result
from pytest_roo_load.core.timeline import ProcessUse, Second
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError

MB = 1_000_000


def run_of(memory_mb: list[float], *, warm_up: int = 0, descriptors: int | None = 9) -> Result:
    """A run whose steady phase follows so many seconds of warm-up."""
    seconds = [
        Second(
            t=t,
            phase="warm_up" if t < warm_up else "steady",
            resources={
                "ccs": ProcessUse(
                    memory_bytes=round(memory * MB), cpu_s=0, processes=1, descriptors=descriptors, threads=t // 2
                )
            },
        )
        for t, memory in enumerate(memory_mb)
    ]
    use = ResourceUse(memory_peak=MB, cpu_mean=0.1, cores=1, looks=len(seconds))
    return replace(result(timeline=seconds), resources={"ccs": use})


def check(result: Result, use: str = "memory", control: Result | None = None) -> tuple[Verdict, str]:
    found = leak_in(result, "ccs", use, limits=None, control=control)
    assert found.promise == f"the {use} of ccs {'does' if use == 'memory' else 'do'} not go on growing"
    return found.verdict, found.note


def test_growing_memory_fails_and_says_by_how_much() -> None:
    verdict, note = check(run_of([100 + t for t in range(61)]))
    assert verdict is Verdict.FAIL
    assert note.startswith("troughs grew by 60 MB in 60 s around ")


def test_a_leak_of_memory_is_told_with_the_lines_that_grew() -> None:
    site = Site(place="cart.py:7", through="", size_bytes=60 * MB, blocks=61)
    grown = AllocationGrowth(from_s=0, to_s=60, processes=1, total_bytes=60 * MB, sites=(site,))
    run = replace(run_of([100 + t for t in range(61)]), allocations={"ccs": grown})
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


def test_descriptors_and_threads_have_floors_of_their_own() -> None:
    run = run_of([100.0] * 60)
    assert check(run, "descriptors")[0] is Verdict.PASS
    assert check(run, "threads")[0] is Verdict.FAIL
    assert check(run_of([100.0] * 60, descriptors=None), "descriptors")[0] is Verdict.NO_DATA


def test_what_it_grows_by_without_load_is_taken_off() -> None:
    growing = run_of([100 + t for t in range(60)])
    assert check(growing, control=growing)[0] is Verdict.PASS


@pytest.mark.parametrize(
    ("process", "use", "told"), [("ccs", "handles", "memory, descriptors, threads"), ("nginx", "memory", "ccs")]
)
def test_what_there_is_not_is_refused(process: str, use: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        leak_in(run_of([1.0] * 30), process, use, limits=None, control=None)
