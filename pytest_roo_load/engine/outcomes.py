"""Outcomes travel home by value, with what journeys have recorded: what can travel, and how it is packed."""

from __future__ import annotations

from typing import Any

from pytest_roo_load.engine.mistakes import Shown
from pytest_roo_load.engine.packing import dumps, loads
from pytest_roo_load.engine.shard import Outcome
from pytest_roo_load.errors import UsageError

__all__ = ["pack_outcome", "unpack_outcome"]


def pack_outcome(outcome: Outcome) -> bytes:
    """The outcome as bytes.

    Raises:
        UsageError: A recorded value cannot be pickled; names it.
    """
    try:
        return dumps(outcome)
    except Exception as error:
        for name, value in _recorded(outcome):
            try:
                dumps(value)
            except Exception as reason:  # noqa: BLE001 - whichever way it fails, this is the one we look for
                raise _refused(f"{name}: {type(value).__qualname__}", reason) from error
        raise


def unpack_outcome(packed: bytes) -> Outcome:
    """What `pack_outcome` packed.

    Raises:
        UsageError: A recorded value cannot be unpickled.
    """
    try:
        outcome: Outcome = loads(packed)
    except Exception as error:
        raise _refused("a value", error) from error
    return outcome


def _recorded(outcome: Outcome) -> list[tuple[str, Any]]:
    return [(name, value) for name, values in outcome.recording.values.items() for value in values]


def _refused(what: str, reason: Exception) -> UsageError:
    return UsageError(
        "what a journey recorded cannot travel to the test",
        value=Shown(what),
        allowed="values that can be pickled and unpickled",
        place="user.record",
        remedy=f"record what the test needs of it ({type(reason).__name__}: {reason})",
    )
