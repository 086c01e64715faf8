"""Faults of links, done by the chaos proxy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from pytest_roo_load.core.faults.breakage import MakeBreakage, Patient
from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.core.faults.link_table import BOTH_WAYS, DOWN, LINK_VERBS
from pytest_roo_load.errors import FaultError, FaultMissed
from pytest_roo_load.services.control import ask

__all__ = ["LINK_FAULTS", "Cut", "Poison"]


class Poison:
    """A toxic on a link, of connections or of datagrams.

    Args:
        patient: The proxy.
        settings: The link, the toxic's id on it and what the toxic needs; if wanted `direction` and `probability`.
        kind: The toxic's.
        direction: Of connections, where none is wanted; of datagrams it is both.
    """

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting], *, kind: str, direction: str) -> None:
        own = dict(settings)
        self._control = patient.url
        self._link = str(own.pop("link"))
        self._id = str(own.pop("id"))
        self._direction = direction
        self._kind = kind
        self._wanted: dict[str, Setting] = {name: own.pop(name) for name in ("direction", "probability") if name in own}
        self._settings = own

    def __repr__(self) -> str:
        return f"<Poison {self._id} of link {self._link}: {self._kind} {self._wanted} {self._settings}>"

    async def apply(self) -> str:
        """Put the toxic on the link and look which connections got it; it may have ended them at once."""
        before = await ask(self._control, "GET", f"/links/{self._link}")
        streams = _has_connections(before)
        way: dict[str, Setting] = {"direction": self._direction if streams else "both", **self._wanted}
        wanted = {"id": self._id, "kind": self._kind, "settings": self._settings, **way}
        link = await ask(self._control, "POST", f"/links/{self._link}/toxics", wanted)
        mine = self._mine(link)
        if not mine:
            raise FaultError(f"link {self._link} has no toxic {self._kind}")
        which = _reached(before, mine) if streams else "the datagrams"
        return f"toxic {self._kind} was put on {which} of link {self._link}, {_WAYS[str(way['direction'])]}"

    async def undo(self) -> None:
        """Take it away; what nothing had, no connection, ended ones included, or no datagram, was no fault."""
        link = await ask(self._control, "GET", f"/links/{self._link}")
        mine = self._mine(link)
        if not mine:
            return
        await ask(self._control, "DELETE", f"/links/{self._link}/toxics/{self._id}")
        if any(one["had"] for one in mine):
            return
        if _has_connections(link):
            raise FaultMissed(f"no connection of link {self._link} had it")
        raise FaultMissed(f"it touched none of the {mine[0]['met']} datagrams of link {self._link}")

    def _mine(self, link: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What was put on the link: one toxic, or one for each direction."""
        ids = (self._id, f"{self._id} upstream", f"{self._id} downstream")
        return [one for one in link["toxics"] if one["id"] in ids]


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


def _has_connections(link: Mapping[str, Any]) -> bool:
    return "connections" in link


def _reached(before: Mapping[str, Any], toxics: Iterable[Mapping[str, Any]]) -> str:
    """How many of the live connections have it."""
    had = max(one["had"] for one in toxics)
    live = max(before["connections"], had)
    return _number(live) if had == live else f"{had} of {_number(live)}"


def _number(connections: int) -> str:
    return f"{connections} live connection{'' if connections == 1 else 's'}"


_WAYS = {"upstream": "upstream", "downstream": "downstream", "both": "in both directions"}
LINK_FAULTS: Mapping[str, MakeBreakage] = {
    verb: Cut if verb == DOWN else partial(Poison, kind=kind, direction="both" if verb in BOTH_WAYS else "downstream")
    for verb, kind in LINK_VERBS.items()
}
