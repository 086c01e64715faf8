"""A spike of load counts as a fault: from its end on is measured how long the target takes to recover."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_roo_load.core.faults.fault import Fault, FaultRecord
from pytest_roo_load.core.profiles.plan import SPIKE, named_like
from pytest_roo_load.core.target import OWN

__all__ = ["OVERLOAD", "overloads"]

OVERLOAD = "overload"


def overloads(spans: Mapping[str, tuple[float, float]]) -> tuple[FaultRecord, ...]:
    """One for each spike of a load; with the last phase of a load there is no time to recover from it.

    Args:
        spans: Begin and end of each phase, in seconds of the load.
    """
    over_s = max(end_s for _, end_s in spans.values())
    return tuple(
        FaultRecord(
            fault=Fault(verb=OVERLOAD, target=OWN, at_s=begin_s, until_s=end_s),
            began_s=begin_s,
            ended_s=end_s if end_s < over_s else None,
            evidence=f"the profile's phase {name}",
        )
        for name, (begin_s, end_s) in spans.items()
        if named_like(name, SPIKE)
    )
