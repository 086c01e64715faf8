"""The load with many users as the session performs it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_roo_load.core.consistency.finding import Finding
from pytest_roo_load.core.consistency.totals import Count, all_accounted, none_broken
from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.profiles import Profile, iterations
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.workloads.users.journey import TALLIES, Part, Tally, manage
from pytest_roo_load.workloads.users.rows import Rows
from pytest_roo_load.workloads.users.settings import Choices
from pytest_roo_load.workloads.workload import Examined, Measured, journey_of, recorded

__all__ = ["UsersWorkload"]

STAGES = ("create", "update", "log in", "deactivate", "refused", "delete")


class UsersWorkload:
    """See `Workload`.

    Args:
        choices: How many users.
        dsn: Of the server's database, to count in; None where it is not known.
    """

    def __init__(self, choices: Choices, dsn: str | None) -> None:
        self._choices = choices
        self._prefix = f"roo-{secrets.token_hex(4)}-"
        self._rows = None if dsn is None else Rows(dsn, self._prefix)
        self._countable = False
        managers = min(choices.managers, choices.batches)
        self.profile: Profile = iterations(choices.batches, users=managers, max_duration=choices.max_duration)

    def __repr__(self) -> str:
        return f"<UsersWorkload {self._choices.count} users {self._prefix}*>"

    def journeys(self) -> Mapping[Any, float]:
        """See `Workload`."""
        choices = self._choices
        part = Part(prefix=self._prefix, batch=choices.batch, logins_at_once=choices.logins_at_once)
        return journey_of(manage, part, "manage users")

    async def prepare(self) -> None:
        """See `Workload`: every user is made by the load."""
        if self._rows is not None:
            await self._rows.check()
            self._countable = True

    async def watch(self) -> None:
        """See `Workload`: managers look for themselves."""

    async def examine(self, measured: Measured) -> Examined:
        """See `Workload`."""
        tally = Tally()
        for one in recorded(measured.result, TALLIES):
            tally.add(one)
        findings = [
            self._complete(tally),
            none_broken("no user is left half-made", tally.wrong, checked=_visits(tally)),
        ]
        if self._rows is not None:
            left = await self._rows.count()
            told = [f"{left:,} rows of deleted users are there"] if left else []
            promise = "the database has no user that was deleted"
            findings.append(none_broken(promise, told, checked=tally.done.get("delete", 0)))
        took_s = measured.ended - measured.began
        return Examined(facts=tuple(self._facts(tally, took_s)), findings=tuple(findings))

    def _complete(self, tally: Tally) -> Finding:
        """Every stage has seen every user, but for those of whom nobody knows."""
        missed = {stage: tally.missed.get(stage, 0) for stage in STAGES}
        counts = [
            Count(name=one, found=tally.done.get(one, 0), acknowledged=self._choices.count - unknown, unknown=unknown)
            for one, unknown in missed.items()
        ]
        return all_accounted("every user goes through every stage once", counts)

    def _facts(self, tally: Tally, took_s: float) -> Iterator[Fact]:
        for stage in STAGES:
            yield Fact(name=f"users: {stage}", value=tally.done.get(stage, 0))
        ended = tally.done.get("delete", 0)
        yield Fact(name="users from creation to deletion per second", value=ended / took_s, dimension=Dimension.RATE)
        told = "yes" if self._rows is not None else "no: its database is not known, name it with --roo-postgres"
        yield Fact(name="counted in the database", value=told, dimension=None)

    async def clean_up(self) -> None:
        """See `Workload`: the managers have deleted their users; of one that was stopped, what is left is deleted."""
        if self._rows is not None and self._countable:
            await self._rows.delete()


def _visits(tally: Tally) -> int:
    return sum(tally.done.values())
