"""Looks into the plain dicts of a run directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_roo_load.core.profiles import STEADY, is_steady
from pytest_roo_load.core.target import target_among

__all__ = ["JSON", "interrupted", "last_second", "nested", "own_phases", "steady", "target_use"]

JSON = Mapping[str, Any]
_NOTHING: JSON = {}


def nested(data: JSON, *keys: str) -> Any:
    """What lies under the keys, one within the other; None as soon as one is missing or null."""
    found: Any = data
    for key in keys:
        found = None if found is None else found.get(key)
    return found


def target_use(run: JSON) -> tuple[str, JSON]:
    """The target's name among the processes of a run, and what it used; nothing when it was not watched."""
    processes = run.get("resources") or {}
    name = target_among(processes)
    return name, processes.get(name) or _NOTHING


def steady(run: JSON) -> JSON:
    """The steady phase of a run; empty when it has none."""
    return next((phase for phase in run.get("phases") or () if phase["name"] == STEADY), _NOTHING)


def own_phases(run: JSON) -> list[JSON]:
    """The phases without those that "steady" sums up: steps with names of their own, and a second "steady 2"."""
    return [phase for phase in run.get("phases") or () if phase["name"] == STEADY or not is_steady(phase["name"])]


def interrupted(run: JSON) -> int:
    """Operations of all phases that were still in flight when the graceful stop was over."""
    return sum(nested(phase, "statistics", "interrupted") or 0 for phase in own_phases(run))


def last_second(run: JSON) -> float:
    """Where the time axis of a run ends: at its last second, and not before its last phase."""
    seconds = nested(run, "timeline", "t") or [0]
    ends = [end for _, end in (run.get("spans") or {}).values()]
    return float(max([seconds[-1] + 1, *ends]))
