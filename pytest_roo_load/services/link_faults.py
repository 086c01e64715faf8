"""Faults of links, done by the chaos proxy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pytest_roo_load.core.faults.breakage import MakeBreakage, Patient
from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.core.faults.link_table import DOWN, LINK_VERBS
from pytest_roo_load.errors import FaultError
from pytest_roo_load.services.control import ask

__all__ = ["LINK_FAULTS", "Cut", "Poison"]


class Poison:
    """A toxic on a link."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting], *, kind: str) -> None:
        own = dict(settings)
        self._control = patient.url
        self._link = str(own.pop("link"))
        self._wanted = {"kind": kind, "direction": own.pop("direction"), "settings": own}
        self._passed = 0

    def __repr__(self) -> str:
        return f"<Poison of link {self._link}: {self._wanted}>"

    async def apply(self) -> str:
        """Put the toxic on the link and look whether it is there."""
        before = await ask(self._control, "GET", f"/links/{self._link}")
        self._passed = _passed(before)
        link = await ask(self._control, "POST", f"/links/{self._link}/toxics", self._wanted)
        there = [one for one in link["toxics"] if one["kind"] == self._wanted["kind"]]
        if not there:
            raise FaultError(f"link {self._link} has no toxic {self._wanted['kind']}")
        return f"toxic {self._wanted['kind']} was put on {_number(before)} of link {self._link}"

    async def undo(self) -> None:
        """Take it away; what never met a byte or a connection was no fault."""
        link = await ask(self._control, "GET", f"/links/{self._link}")
        touched = _passed(link) > self._passed or link["connections"]
        if any(one["kind"] == self._wanted["kind"] for one in link["toxics"]):
            await ask(self._control, "DELETE", f"/links/{self._link}/toxics/{self._wanted['kind']}")
        if not touched:
            raise FaultError(f"nothing came to link {self._link} while it was broken")


class Cut:
    """A link that is down."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        self._control = patient.url
        self._link = str(settings["link"])

    def __repr__(self) -> str:
        return f"<Cut of link {self._link}>"

    async def apply(self) -> str:
        """Take it down and look whether it is."""
        before = await ask(self._control, "GET", f"/links/{self._link}")
        link = await ask(self._control, "PATCH", f"/links/{self._link}", {"up": False})
        if link["up"] or link["connections"]:
            raise FaultError(f"link {self._link} is not down")
        return f"link {self._link} is down, {_number(before)} were reset"

    async def undo(self) -> None:
        """Take connections again, on the same port."""
        await ask(self._control, "PATCH", f"/links/{self._link}", {"up": True})


def _passed(link: Mapping[str, Any]) -> int:
    return int(sum(link["passed"].values())) + int(link["opened"])


def _number(link: Mapping[str, Any]) -> str:
    number = link["connections"]
    return f"{number} live connection{'' if number == 1 else 's'}"


LINK_FAULTS: Mapping[str, MakeBreakage] = {
    verb: Cut if verb == DOWN else partial(Poison, kind=kind) for verb, kind in LINK_VERBS.items()
}
