"""Phases last as long as planned, or as long as it took."""

from __future__ import annotations

import pytest

from pytest_roo_load.core.profiles import Profile, constant_users, iterations
from pytest_roo_load.core.recording import Recording
from pytest_roo_load.core.validity import Health
from pytest_roo_load.engine.shard import Outcome
from pytest_roo_load.engine.spans import spans_of

HEALTH = Health(name="local-0", pid=1, lag_p95_s=0, lag_max_s=0, starved=0, cpu=0, gc_pause_max_s=0)
PROFILE = constant_users(2, "10 s", warm_up="4 s")


def outcome(*switched_s: float, ended_s: float | None = None) -> Outcome:
    ended = switched_s[-1] if ended_s is None else ended_s
    return Outcome(recording=Recording(), health=HEALTH, ended_s=ended, switched_s=switched_s)


@pytest.mark.parametrize(
    ("profile", "outcomes", "spans"),
    [
        (PROFILE, [outcome(0.001, 4.002, 14.01, ended_s=14.0)], {"warm_up": (0, 4), "steady": (4, 14)}),
        (PROFILE, [outcome(0.0, 4.0, 14.09), outcome(0.2, 4.04, 14.0)], {"warm_up": (0, 4), "steady": (4, 14)}),
        (PROFILE, [outcome(0.0, 6.0, 14.0), outcome(0.0, 4.0, 14.0)], {"warm_up": (0, 6), "steady": (6, 14)}),
        (PROFILE, [outcome(0.0, 4.0, 19.0), outcome(0.0, 4.0, 14.0)], {"warm_up": (0, 4), "steady": (4, 19)}),
        (PROFILE, [outcome(0.0, 15.0, 15.1)], {"warm_up": (0, 15.0), "steady": (15.0, 15.1)}),
        (PROFILE, [outcome(0.0, 4.0, 7.5, ended_s=7.49)], {"warm_up": (0, 4), "steady": (4, 7.49)}),
        (PROFILE, [outcome(0.0, 1.5, ended_s=1.5)], {"warm_up": (0, 1.5)}),
        (iterations(9, users=2), [outcome(0.0, 3.0), outcome(0.0, 0.1)], {"steady": (0, 3.0)}),
    ],
    ids=["planned", "a little late", "late begin", "late end", "late for all", "early end", "one phase", "iterations"],
)
def test_from_when_to_when(profile: Profile, outcomes: list[Outcome], spans: dict[str, tuple[float, float]]) -> None:
    assert spans_of(profile.plan(), outcomes) == spans
