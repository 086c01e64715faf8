"""When devices count as online, away and offline, on a clock that is passed in."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, cast

import pytest
from test_ccs_hub import Guest

from pytest_roo_load.ccs.websocket.hub import Hub, Patience
from pytest_roo_load.ccs.websocket.presence import Presence, status_after

FOR_EVER = Patience(register_s=1e9, ping_s=1e9, silence_s=1e9)


class Chores:
    """Remembers the names of what it is given, and does nothing of it."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.names.append(cast("Any", work).__name__)
        work.close()


class Relay:
    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}


@pytest.fixture
def chores() -> Chores:
    return Chores()


@pytest.fixture
def hub() -> Hub:
    return Hub(limit=9, patience=FOR_EVER)


@pytest.fixture
def presence(hub: Hub, chores: Chores) -> Presence:
    return Presence(cast("Any", None), hub, cast("Any", Relay()), cast("Any", chores))


@pytest.fixture
def guest(hub: Hub, presence: Presence) -> Guest:
    assert repr(presence).startswith("<Presence of <Hub 0")
    guest = Guest(hub)
    guest.register("device")
    guest.connection.presence = "online"
    return guest


@pytest.mark.parametrize(
    ("idle_s", "status"), [(0, "online"), (299, "online"), (300, "away"), (899, "away"), (900, "offline")]
)
def test_a_device_fades(idle_s: float, status: str) -> None:
    assert status_after(idle_s) == status


def test_a_silent_device_goes_away_then_offline_and_comes_back(guest: Guest, chores: Chores) -> None:
    seen = []
    for now in (299, 300, 301, 899, 900, 901):
        guest.hub.sweep(now)
        seen.append(guest.connection.presence)
    assert seen == ["online", "away", "away", "away", "offline", "offline"]
    assert chores.names == ["_changed", "_changed"]
    guest.connection.active_at = 950
    guest.hub.sweep(951)
    assert (guest.connection.presence, chores.names[2:]) == ("online", ["_changed"])


def test_what_a_device_says_of_itself_holds_until_it_does_something(
    guest: Guest, presence: Presence, chores: Chores
) -> None:
    connection = guest.connection
    connection.heard_at = connection.active_at = 10
    presence.said(connection, {"status": "away"})
    guest.hub.sweep(11)
    assert (connection.presence, chores.names) == ("away", ["_note"])
    connection.heard_at = connection.active_at = 20
    guest.hub.sweep(21)
    assert (connection.presence, chores.names) == ("online", ["_note", "_changed"])


def test_an_active_device_is_noted_once_a_minute(guest: Guest, chores: Chores) -> None:
    for now in range(0, 200, 10):
        guest.connection.active_at = now
        guest.hub.sweep(now)
    assert chores.names == ["_note"] * 3


@pytest.mark.parametrize("payload", [None, [], {}, {"status": "asleep"}, {"status": []}])
def test_what_is_no_status_changes_nothing(guest: Guest, presence: Presence, chores: Chores, payload: Any) -> None:
    presence.said(guest.connection, payload)
    assert (guest.connection.presence, chores.names) == ("online", [])
