"""Closed profiles that change: users come and go as the plan says, and every phase begins with its users."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine_lab import FLEETS, measure

from pytest_roo_load.core.profiles import arrival_rate, constant_users, ramping_users, spike, stairs


async def pause(user: Any) -> None:
    async for _ in user.iterations():
        user.check(user.id >= 0, "alive")
        await user.think(0.02)


async def ponder(user: Any) -> None:
    async for _ in user.iterations():
        await user.think(60)


@pytest.mark.parametrize("fleet", FLEETS)
def test_every_step_of_stairs_begins_with_its_users(fleet: str, tmp_path: Path) -> None:
    result = measure(pause, stairs(2, 6, by=2, each="0.3 s"), FLEETS[fleet](), tmp_path / "live")
    assert {name: phase.users for name, phase in result.phases.items()} == {
        "2 users": 2, "4 users": 4, "6 users": 6, "steady": 2,
    }  # fmt: skip
    assert result.duration == pytest.approx(0.9, abs=0.01)
    assert result.steady.iterations == sum(result.phases[f"{users} users"].iterations for users in (2, 4, 6))


@pytest.mark.parametrize("fleet", FLEETS)
def test_a_spike_goes_up_and_down_again(fleet: str, tmp_path: Path) -> None:
    result = measure(
        pause, spike(2, 9, before="0.3 s", spike="0.3 s", after="0.6 s"), FLEETS[fleet](), tmp_path / "live"
    )
    users = {name: phase.users for name, phase in result.phases.items()}
    assert users == {"steady": 2, "spike": 9, "recovery": 2}


def test_users_that_think_leave_at_once(tmp_path: Path) -> None:
    profile = ramping_users(6, ramp="0.2 s", hold="0.2 s", cool_down="0.4 s")
    result = measure(ponder, profile, FLEETS["inline"](), tmp_path / "live")
    assert result.users == 6
    assert result.phases["cool_down"].users <= 1
    assert result.phases["cool_down"].iterations + result.steady.iterations + result.phases["ramp"].iterations == 6


def test_profiles_follow_each_other(tmp_path: Path) -> None:
    profile = constant_users(2, "0.3 s").then(constant_users(5, "0.3 s"))
    result = measure(pause, profile, FLEETS["inline"](), tmp_path / "live")
    assert result.phases["steady 2"].users == 5
    assert result.users == 2


@pytest.mark.parametrize("fleet", FLEETS)
def test_the_iterations_of_each_user_are_counted(fleet: str, tmp_path: Path) -> None:
    async def once_or_often(user: Any) -> None:
        await user.think(60 if user.id == 0 else 0.02)

    result = measure(once_or_often, constant_users(4, "0.5 s"), FLEETS[fleet](), tmp_path / "live")
    fairness = result.steady.fairness
    assert fairness is not None
    assert (fairness.users, fairness.least) == (4, 1)
    assert fairness.most > 1


def test_only_who_takes_part_in_a_phase_is_counted_in_it(tmp_path: Path) -> None:
    profile = spike(2, 9, before="0.4 s", spike="0.4 s", after="0.4 s")
    result = measure(pause, profile, FLEETS["inline"](), tmp_path / "live")
    spreads = {name: phase.fairness for name, phase in result.phases.items()}
    assert {name: one and one.users for name, one in spreads.items()} == {"steady": 2, "spike": 9, "recovery": 2}
    assert all(one and one.least >= 1 for one in spreads.values())


def test_steps_with_different_users_have_a_spread_each_and_none_together(tmp_path: Path) -> None:
    stepped = measure(pause, stairs(2, 4, by=2, each="0.3 s"), FLEETS["inline"](), tmp_path / "stairs")
    spreads = {name: phase.fairness for name, phase in stepped.phases.items()}
    assert {name: one and one.users for name, one in spreads.items()} == {"2 users": 2, "4 users": 4, "steady": None}
    alike = constant_users(3, "0.3 s").then(constant_users(3, "0.3 s"))
    fairness = measure(pause, alike, FLEETS["inline"](), tmp_path / "alike").steady.fairness
    assert fairness is not None
    assert fairness.users == 3


def test_an_open_profile_has_no_iterations_by_user(tmp_path: Path) -> None:
    result = measure(pause, arrival_rate("40/s", "0.3 s", max_users=12), FLEETS["inline"](), tmp_path / "live")
    assert result.steady.iterations == 12
    assert result.steady.fairness is None
