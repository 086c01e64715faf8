"""Writes down what a virtual user did and was told, for the checkers of consistency."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from pytest_roo_load.core.consistency.history import HISTORY, Event, Outcome
from pytest_roo_load.core.ports import User
from pytest_roo_load.errors import UnexpectedAnswer

__all__ = ["Observation", "observe"]

_REFUSED = 400
_BROKEN = 500


@dataclass(slots=True)
class Observation:
    """What becomes known of an operation while it runs.

    Attributes:
        value: What is given; set it where that is known only meanwhile.
        result: Set it to what came back: the value read.
        outcome: How it ended; set it where the client knows better than `observe` can.
    """

    value: Any = None
    result: Any = None
    outcome: Outcome = field(default=Outcome.OK)

    def refused(self) -> None:
        """It certainly had no effect, whatever is raised afterwards."""
        self.outcome = Outcome.FAILED

    def unknown(self) -> None:
        """Nobody knows whether it had one."""
        self.outcome = Outcome.UNKNOWN


@asynccontextmanager
async def observe(user: User, kind: str, *, key: Hashable = None, value: Any = None) -> AsyncIterator[Observation]:
    """Record the enclosed operation as an event of the user's history, which the fixture `consistency` checks.

    ::

        async with observe(user, "write", key="x", value=3):
            (await user.http.put("/registers/x", json=3)).raise_for_status()
        async with observe(user, "read", key="x") as seen:
            seen.result = (await user.http.get("/registers/x")).raise_for_status().json()

    An end without an exception means that it happened, so let the answer raise what its status says. An
    `UnexpectedAnswer` with a status from 400 to 499 means that it certainly did not; with any other exception nobody
    knows, for the request may have been carried out. Exceptions go on.

    Args:
        user: Who does it.
        kind: What is done; each check of the fixture `consistency` names the kinds that it knows.
        key: The object it is done to.
        value: What is given.
    """
    seen = Observation(value=value)
    began_s = perf_counter()
    try:
        yield seen
    except BaseException as error:
        if seen.outcome is Outcome.OK:
            seen.outcome = _outcome_of(error)
        raise
    finally:
        event = Event(
            client=user.id,
            kind=kind,
            key=key,
            value=seen.value,
            result=seen.result,
            began_s=began_s,
            ended_s=perf_counter(),
            outcome=seen.outcome,
        )
        user.record(HISTORY, event)


def _outcome_of(error: BaseException) -> Outcome:
    status = error.kind.removeprefix("status ") if isinstance(error, UnexpectedAnswer) else ""
    if status.isdecimal() and _REFUSED <= int(status) < _BROKEN:
        return Outcome.FAILED
    return Outcome.UNKNOWN
