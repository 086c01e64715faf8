"""The phases of a run as bands of a time axis."""

from __future__ import annotations

from pytest_roo_load.core.profiles import STEADY
from pytest_roo_load.render.charts import Band
from pytest_roo_load.render.reading import JSON, last_second

__all__ = ["bands", "is_judged"]


def is_judged(phase: str) -> bool:
    """Whether objectives that name no phase look at this one."""
    return phase == STEADY


def bands(run: JSON) -> tuple[Band, ...]:
    """The phases, and what came after the last one: the graceful stop."""
    spans = run.get("spans") or {}
    found = [
        Band(name=name.replace("_", " "), start=start, end=end, shaded=not is_judged(name))
        for name, (start, end) in spans.items()
    ]
    last = max((band.end for band in found), default=0.0)
    if found and last < last_second(run):
        found.append(Band(name="stop", start=last, end=last_second(run), shaded=True))
    return tuple(found)
