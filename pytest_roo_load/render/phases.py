"""The phases of a run as bands of a time axis."""

from __future__ import annotations

from pytest_roo_load.core.faults.phases import FAULT
from pytest_roo_load.core.profiles import STEADY, is_steady
from pytest_roo_load.core.profiles.plan import SPIKE, named_like
from pytest_roo_load.render.charts import Band
from pytest_roo_load.render.reading import JSON, last_second

__all__ = ["bands"]


def bands(run: JSON) -> tuple[Band, ...]:
    """The phases, and what came after the last one: the graceful stop.

    "steady" is no band of its own where it only sums up phases that have names of their own.
    """
    spans = run.get("spans") or {}
    others = [span for name, span in spans.items() if name != STEADY]
    found = [
        Band(
            name=name.replace("_", " "),
            start=span[0],
            end=span[1],
            shaded=not is_steady(name),
            broken=named_like(name, FAULT) or named_like(name, SPIKE),
        )
        for name, span in spans.items()
        if name != STEADY or span not in others
    ]
    last = max((band.end for band in found), default=0.0)
    if found and last < last_second(run):
        found.append(Band(name="stop", start=last, end=last_second(run), shaded=True))
    return tuple(found)
