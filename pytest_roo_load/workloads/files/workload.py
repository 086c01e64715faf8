"""The load of files as the session performs it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_roo_load.core.consistency.files import Files
from pytest_roo_load.core.consistency.source import checked
from pytest_roo_load.core.consistency.totals import none_broken
from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.profiles import Profile, iterations
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.errors import UsageError
from pytest_roo_load.workloads.files.journey import TALLIES, Part, Tally, share
from pytest_roo_load.workloads.files.settings import Choices
from pytest_roo_load.workloads.files.transfer import Transfer
from pytest_roo_load.workloads.workload import Examined, Measured, journey_of, recorded

__all__ = ["FilesWorkload"]

_VERSIONS = 2


class FilesWorkload:
    """See `Workload`.

    Args:
        choices: Which files.
        room_bytes: What is free where the server keeps files; None where that cannot be known.
    """

    def __init__(self, choices: Choices, room_bytes: int | None = None) -> None:
        self._choices = choices
        self._room_bytes = room_bytes
        users = min(choices.users, choices.files)
        self.profile: Profile = iterations(choices.files, users=users, max_duration=choices.max_duration)

    def __repr__(self) -> str:
        return f"<FilesWorkload of {self._choices.files} files of {self._choices.size_bytes} bytes>"

    def journeys(self) -> Mapping[Any, float]:
        """See `Workload`."""
        choices = self._choices
        part = Part(
            prefix=f"roo-{secrets.token_hex(4)}-",
            size_bytes=choices.size_bytes,
            devices=choices.devices,
            at_once=choices.at_once,
            cut=choices.cut,
        )
        return journey_of(share, part, "share files")

    async def prepare(self) -> None:
        """See `Workload`: content is made by the load, but the server has to have room for it."""
        choices, room = self._choices, self._room_bytes
        needed = _VERSIONS * choices.size_bytes * min(choices.users, choices.files)
        if room is not None and room < needed:
            raise UsageError(
                "the server has no room for the files",
                value=f"{needed / 1e6:,.0f} MB, with a changed version of each file that is on its way",
                allowed=f"{room / 1e6:,.0f} MB are free where it keeps them",
                remedy="make room, or choose smaller files or fewer users at the same time",
            )

    async def watch(self) -> None:
        """See `Workload`: devices look for themselves."""

    async def examine(self, measured: Measured) -> Examined:
        """See `Workload`."""
        tallies: list[Tally] = recorded(measured.result, TALLIES)
        ups = [one for tally in tallies for one in tally.uploads]
        downs = [one for tally in tallies for one in tally.downloads]
        wrong = [text for tally in tallies for text in tally.wrong]
        agreed = none_broken("devices hear of changes and agree on versions", wrong, checked=len(ups))
        facts = [*_facts("upload", ups), *_facts("download", downs), *_of_parts(tallies)]
        return Examined(facts=tuple(facts), findings=(checked(measured.result, Files()), agreed))

    async def clean_up(self) -> None:
        """See `Workload`: users delete their files; accounts stay, as those of every run do."""


def _facts(name: str, transfers: list[Transfer]) -> Iterator[Fact]:
    rates = sorted(one.rate for one in transfers)
    yield Fact(name=f"{name}s", value=len(transfers))
    yield Fact(name=f"{name}s cut and resumed", value=sum(one.cuts > 0 for one in transfers))
    for which, value in (("slowest", rates[:1]), ("fastest", rates[-1:])):
        yield Fact(name=f"{which} {name}, per second", value=value[0] if value else None, dimension=Dimension.SIZE)
    if name == "download":
        stall = max((one.longest_stall_s for one in transfers), default=None)
        yield Fact(name="longest stall of a download", value=stall, dimension=Dimension.TIME)


def _of_parts(tallies: list[Tally]) -> Iterator[Fact]:
    for name, value in (("sent", "again"), ("fetched", "ranges")):
        total = sum(getattr(tally, value) for tally in tallies)
        yield Fact(name=f"{name} of changed files", value=total, dimension=Dimension.SIZE)
