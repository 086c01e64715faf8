"""How a generator was: in its steady phases alone, and in all that follows the first one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_roo_load.engine import self_watch
from pytest_roo_load.engine.self_watch import SelfWatch

Moment = tuple[float, float, float | None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Moment], None]:
    """Sets the clocks: wall, CPU of the process, and waiting for a core."""
    moments: list[Moment] = [(0.0, 0.0, 0.0)]
    monkeypatch.setattr(self_watch, "_now", lambda: self_watch._Moment(*moments[-1]))
    return moments.append


def test_what_follows_a_steady_phase_does_not_make_up_for_it(at: Callable[[Moment], None]) -> None:
    watch = SelfWatch("local-0")
    watch.phase(steady=False)
    watch.late(9.0)
    at((10, 10, 0))
    watch.phase(steady=True)
    for _ in range(20):
        watch.late(0.2)
    at((20, 20, 6))
    watch.phase(steady=False)
    for _ in range(980):
        watch.late(0.001)
    at((110, 20, 6))

    health = watch.end()

    assert (health.cpu, health.starved) == (1.0, 0.6)
    assert health.lag_p95_s == pytest.approx(0.2, rel=1 / 1024)
    assert health.lag_max_s == pytest.approx(0.2, rel=1 / 1024), "the warm-up does not count"
    assert len(health.problems()) == 3


def test_what_follows_a_steady_phase_counts_as_well(at: Callable[[Moment], None]) -> None:
    watch = SelfWatch("local-0")
    watch.phase(steady=True)
    at((10, 1, 0))
    watch.phase(steady=False)
    at((100, 91, 0))

    assert watch.end().cpu == 0.91


def test_several_steady_phases_are_one(at: Callable[[Moment], None]) -> None:
    watch = SelfWatch("local-0")
    watch.phase(steady=True)
    at((10, 10, 1))
    watch.phase(steady=True)
    at((20, 15, 2))
    watch.phase(steady=False)
    at((30, 15, 2))
    watch.phase(steady=True)
    at((40, 20, 3))

    health = watch.end()

    assert health.cpu == pytest.approx(20 / 30)
    assert health.starved == pytest.approx(3 / 30)


def test_a_kernel_that_does_not_tell_how_long_it_kept_waiting(at: Callable[[Moment], None]) -> None:
    at((0, 0, None))
    watch = SelfWatch("inline")
    watch.phase(steady=True)
    at((10, 5, None))

    assert watch.end().starved is None


def test_a_load_that_ended_in_its_warm_up_tells_nothing() -> None:
    watch = SelfWatch("inline")
    watch.phase(steady=False)

    health = watch.end()

    assert (health.cpu, health.lag_p95_s, health.starved, health.gc_share) == (None, None, None, None)
