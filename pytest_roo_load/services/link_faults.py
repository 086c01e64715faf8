"""Faults of links, done by the chaos proxy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pytest_roo_load.core.faults.breakage import MakeBreakage, Patient
from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.core.faults.link_table import DOWN, LINK_VERBS
from pytest_roo_load.errors import FaultError, FaultMissed
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
        self._wanted = {
            "id": own.pop("id"),
            "kind": kind,
            "direction": own.pop("direction"),
            "probability": own.pop("probability", 1.0),
            "settings": own,
        }

    def __repr__(self) -> str:
        return f"<Poison of link {self._link}: {self._wanted}>"

    async def apply(self) -> str:
        """Put the toxic on the link and look which connections got it; it may have ended them at once."""
        before = await ask(self._control, "GET", f"/links/{self._link}")
        link = await ask(self._control, "POST", f"/links/{self._link}/toxics", self._wanted)
        had = max((one["had"] for one in self._mine(link)), default=None)
        if had is None:
            raise FaultError(f"link {self._link} has no toxic {self._wanted['kind']}")
        live = max(before["connections"], had)
        which = _number(live) if had == live else f"{had} of {_number(live)}"
        return f"toxic {self._wanted['kind']} was put on {which} of link {self._link}"

    async def undo(self) -> None:
        """Take it away; what no connection had, neither a live one nor one that has ended, was no fault."""
        link = await ask(self._control, "GET", f"/links/{self._link}")
        mine = self._mine(link)
        if not mine:
            return
        await ask(self._control, "DELETE", f"/links/{self._link}/toxics/{self._wanted['id']}")
        if not any(one["had"] for one in mine):
            raise FaultMissed(f"no connection of link {self._link} had it")

    def _mine(self, link: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What was put on the link: one toxic, or one for each direction."""
        own = self._wanted["id"]
        return [one for one in link["toxics"] if one["id"] in (own, f"{own} upstream", f"{own} downstream")]


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
        return f"link {self._link} is down, {_number(before['connections'])} were reset"

    async def undo(self) -> None:
        """Take connections again, on the same port."""
        await ask(self._control, "PATCH", f"/links/{self._link}", {"up": True})


def _number(connections: int) -> str:
    return f"{connections} live connection{'' if connections == 1 else 's'}"


LINK_FAULTS: Mapping[str, MakeBreakage] = {
    verb: Cut if verb == DOWN else partial(Poison, kind=kind) for verb, kind in LINK_VERBS.items()
}
