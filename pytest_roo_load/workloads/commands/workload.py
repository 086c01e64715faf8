"""The load of commands as the session performs it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_roo_load.core.consistency.finding import Finding
from pytest_roo_load.core.consistency.totals import Count, all_accounted, none_broken
from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.profiles import Profile, constant_users, iterations
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.workloads.commands.journey import COMPLETED, TALLIES, Part, Tally, operate
from pytest_roo_load.workloads.commands.settings import Choices
from pytest_roo_load.workloads.workload import Examined, Measured, journey_of, recorded

__all__ = ["CommandsWorkload"]

_LAST_BULK = "90 s"


class CommandsWorkload:
    """See `Workload`.

    Args:
        choices: How many commands.
        disturbed: Whether something is broken meanwhile.
    """

    def __init__(self, choices: Choices, *, disturbed: bool) -> None:
        self._choices = choices
        self._disturbed = disturbed
        self.profile = _profile(choices)

    def __repr__(self) -> str:
        return f"<CommandsWorkload of {self._choices.count} commands>"

    def journeys(self) -> Mapping[Any, float]:
        """See `Workload`."""
        part = Part(
            prefix=f"roo-{secrets.token_hex(4)}-",
            bulk=self._choices.bulk,
            by_server=self._choices.by_server,
            disturbed=self._disturbed,
        )
        return journey_of(operate, part, "operate devices")

    async def prepare(self) -> None:
        """See `Workload`: users make their commands."""

    async def watch(self) -> None:
        """See `Workload`: users look for themselves."""

    async def examine(self, measured: Measured) -> Examined:
        """See `Workload`."""
        tallies: list[Tally] = recorded(measured.result, TALLIES)
        took_s = measured.ended - measured.began
        return Examined(facts=tuple(_facts(measured.result, tallies, took_s)), findings=tuple(self._findings(tallies)))

    def _findings(self, tallies: list[Tally]) -> Iterator[Finding]:
        counts = [
            Count(name="effects", found=_sum(tallies, "effects"), acknowledged=_sum(tallies, "queued")),
            Count(name="executed by devices", found=_sum(tallies, "executed"), acknowledged=_sum(tallies, "on_device")),
        ]
        if self._choices.duration is None:
            counts.append(Count(name="queued", found=_sum(tallies, "queued"), acknowledged=self._choices.count))
        yield all_accounted("every command has its effect, once", counts)
        strange = _sum(tallies, "strange")
        told = [f"{strange:,} commands came that nobody had queued"] if strange else []
        yield none_broken("devices get the user's own commands only", told, checked=_sum(tallies, "on_device"))
        if not self._disturbed:
            late = _sum(tallies, "late")
            told = [f"{late:,} commands came after one that they should have come before"] if late else []
            promise = "higher priorities come first, and first come first within one"
            yield none_broken(promise, told, checked=_sum(tallies, "on_device"))

    async def clean_up(self) -> None:
        """See `Workload`: commands end by themselves; accounts stay, as those of every run do."""


def _profile(choices: Choices) -> Profile:
    """A number of bulks, or as many as there is time for."""
    if choices.duration is not None:
        return constant_users(choices.users, choices.duration, graceful_stop=_LAST_BULK)
    users = min(choices.users, choices.bulks)
    return iterations(choices.bulks, users=users, max_duration=choices.max_duration)


def _facts(result: Result, tallies: list[Tally], took_s: float) -> Iterator[Fact]:
    yield Fact(name="commands queued", value=_sum(tallies, "queued"))
    yield Fact(name="commands with their effect", value=_sum(tallies, "effects"))
    yield Fact(name="commands per second", value=_sum(tallies, "effects") / took_s, dimension=Dimension.RATE)
    yield Fact(name="commands that came again", value=_sum(tallies, "again"))
    timed = result.groups.get(COMPLETED)
    for name in ("p50", "p95", "p99"):
        value = getattr(timed, name) if timed else None
        yield Fact(name=f"{COMPLETED}, {name}", value=value, dimension=Dimension.TIME)


def _sum(tallies: list[Tally], name: str) -> int:
    return sum(getattr(one, name) or 0 for one in tallies)
