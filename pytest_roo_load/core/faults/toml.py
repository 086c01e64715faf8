"""Schedules from TOML.

::

    [[fault]]
    at = "5 s"                  # or after = "5 s": so long after the last thing that happened
    do = "slow"                 # any verb
    link = "redis"              # and its arguments, by name
    latency = "200 ms"
    duration = "3 s"
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from pytest_roo_load.core.faults.reach import Reach
from pytest_roo_load.core.faults.schedule import Moment, Schedule
from pytest_roo_load.core.suggestion import did_you_mean
from pytest_roo_load.errors import UsageError

__all__ = ["VERBS", "parse_schedule"]

VERBS = tuple(sorted(name for name, one in inspect.getmembers(Moment, inspect.isfunction) if not name.startswith("_")))
_WHEN = ("at", "after")


def parse_schedule(text: str, source: str) -> Schedule:
    """The schedule that a file's text states.

    Args:
        text: See the top of this module.
        source: The file's name, for messages.

    Raises:
        UsageError: Names the file, the fault by its number, and what is wrong with it.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("not TOML", value=str(error), allowed="a TOML file of faults", place=source) from None
    faults = data.pop("fault", None)
    if data or not isinstance(faults, list) or not faults:
        raise UsageError("not a schedule", value=sorted(data) or "no fault", allowed="tables [[fault]]", place=source)
    schedule = Schedule()
    for number, entry in enumerate(faults, 1):
        try:
            schedule = _added(schedule, entry)
        except UsageError as error:
            inner = f", {error.place}" if error.place else ""
            raise UsageError(
                error.problem,
                value=error.value,
                allowed=error.allowed,
                place=f"{source}: fault {number}{inner}",
                remedy=error.remedy,
            ) from None
    return schedule


def _added(schedule: Schedule, entry: Mapping[str, Any]) -> Schedule:
    given = dict(entry)
    when = [name for name in _WHEN if name in given]
    if len(when) != 1:
        raise UsageError("when it happens is not clear", value=when, allowed="either at or after")
    begin = schedule.at if when == ["at"] else schedule.then_after
    moment = begin(given.pop(when[0]))
    verb = given.pop("do", "")
    if verb not in VERBS:
        raise UsageError("no such verb", value=verb, allowed=", ".join(VERBS), remedy=did_you_mean(verb, VERBS))
    return _said(moment, verb, given)


def _said(moment: Moment, verb: str, arguments: Mapping[str, Any]) -> Schedule:
    method = getattr(moment, verb)
    known = _arguments_of(method)
    for name in arguments:
        if name not in known:
            raise UsageError(f"{verb} has no such argument", value=name, allowed=", ".join(known))
    needed = [name for name, required in known.items() if required and name not in arguments]
    if needed:
        raise UsageError(f"{verb} needs an argument", value=needed[0], allowed=", ".join(known))
    made: Schedule = method(**arguments)
    return made


def _arguments_of(method: Callable[..., object]) -> dict[str, bool]:
    """What a verb may be given, and whether it must be."""
    own = inspect.signature(method).parameters.values()
    known = {one.name: one.default is one.empty for one in own if one.kind is not one.VAR_KEYWORD}
    return known if len(known) == len(own) else known | dict.fromkeys(Reach.__annotations__, False)
