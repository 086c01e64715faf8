"""What every ready-made load is to the session that performs it."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_roo_load.core.consistency.finding import Finding
from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.gauge import Gauge
from pytest_roo_load.core.profiles import Profile
from pytest_roo_load.core.result import Result

__all__ = ["Examined", "Measured", "Workload", "journey_of", "recorded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the engine measured, and when the load began and ended on `time.perf_counter`."""

    result: Result
    began: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a workload has to say besides: facts, the findings of its checks, and what it looked at meanwhile."""

    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    gauges: tuple[Gauge, ...] = ()


class Workload(Protocol):
    """A load that brings its data along.

    The session calls `prepare`, then `watch` beside the load, `examine` when the load has ended, and `clean_up`
    whatever became of the others. What travels to generators is in `journeys` alone.

    Attributes:
        profile: How many clients there are, or when they act.
    """

    profile: Profile

    def journeys(self) -> Mapping[Any, float]:
        """Journey → weight; called when all is prepared."""

    async def prepare(self) -> None:
        """Make what the load needs.

        Raises:
            UsageError: The service cannot be used; says what is needed.
        """

    async def watch(self) -> None:
        """Look at the service until cancelled."""

    async def examine(self, measured: Measured) -> Examined:
        """What became of the data."""

    async def clean_up(self) -> None:
        """Take away all that was made; idempotent, and does what it can after any failure."""


def journey_of(perform: Callable[..., Awaitable[None]], part: Any, name: str) -> Mapping[Any, float]:
    """What `Workload.journeys` gives for a load with one journey.

    Args:
        perform: Awaited with the part and the user; what it needs of a deployment is what the journey needs.
        part: What it has to know.
        name: Of the journey.
    """
    journey = functools.partial(perform, part)
    journey.__name__ = name  # type: ignore[attr-defined]
    if needs := getattr(perform, "needs", ()):
        journey.needs = needs  # type: ignore[attr-defined]
    return {journey: 1.0}


def recorded(result: Result, name: str) -> list[Any]:
    """What users recorded by a name."""
    values = result.values.get(name)
    return list(values.items) if values else []
