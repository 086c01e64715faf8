"""How late the iterations of an open load begin."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.engine.user import VirtualUser

__all__ = ["LAG", "lag_facts", "note_lag"]

LAG = "schedule lag"


def note_lag(user: VirtualUser) -> None:
    """Record how late the iteration begins, as a group of its own."""
    slot = user.recorder.group_slot(LAG)
    slot.started += 1
    slot.ok.append(user.recorder.lateness())


def lag_facts(result: Result) -> Iterator[Fact]:
    """The lag of an open load; nothing for a closed one."""
    if LAG in result.groups:
        yield Fact(name=f"{LAG}, p95", value=result.groups[LAG].p95, dimension=Dimension.TIME)
