"""What the fixture `capacity` does: tries one rate after another, and remembers for the run what was found."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_roo_load.core.capacity import Bounds, Capacity, CapacitySearch, Step
from pytest_roo_load.core.capacity_step import decisive, step_of
from pytest_roo_load.core.units import Dimension, duration, parse_quantity
from pytest_roo_load.engine.journeys import check_journeys
from pytest_roo_load.errors import CapacityError, UsageError
from pytest_roo_load.report.searches import SearchRecord
from pytest_roo_load.session.fingerprint import fingerprint
from pytest_roo_load.session.measured import Measured
from pytest_roo_load.session.measuring import Asked, measure
from pytest_roo_load.session.run import Run

if TYPE_CHECKING:
    from pytest_roo_load.core.profiles import Profile
    from pytest_roo_load.core.sla.objective import Objective
    from pytest_roo_load.session.stack import Service

__all__ = ["Search", "capacity_of"]

ProfileOf = Callable[[float], "Profile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is searched.

    Attributes:
        journeys: Journey → weight.
        profile: Gives the open profile for a rate.
        bounds: Where and how far to search.
        cool_down_s: Seconds between two steps.
        objectives: Those that decide.
        target: The system under test.
    """

    journeys: Mapping[Any, float]
    profile: ProfileOf
    bounds: Bounds
    cool_down_s: float
    objectives: tuple[Objective, ...]
    target: Service

    @classmethod
    def of(
        cls, measured: Measured, asked: tuple[object, ProfileOf, Service], *, start: str | float,
        tolerance: str | float, cool_down: str | float,
    ) -> Search:  # fmt: skip
        """The search that a test asks for.

        Raises:
            UsageError: Something of it cannot be used.
        """
        journey, profile, target = asked
        search = cls(
            journeys=check_journeys(journey),
            profile=profile,
            bounds=Bounds(
                start=_quantity(start, Dimension.RATE, "start"),
                tolerance=_quantity(tolerance, Dimension.RATIO, "tolerance"),
            ),
            cool_down_s=duration(cool_down, name="cool_down"),
            objectives=decisive(measured.plan.objectives),
            target=target,
        )
        _check_open(search.profile, search.bounds.start)
        return search

    @property
    def names(self) -> dict[str, float]:
        """Weights by the journeys' names."""
        return {getattr(one, "__name__", str(one)): weight for one, weight in self.journeys.items()}

    @property
    def key(self) -> str:
        """Two searches of a run with the same key find the same; what cannot be compared has a key of its own."""
        done = [fingerprint(one) for one in (*self.journeys, self.profile)]
        plan = self.profile(self.bounds.start).plan()
        facts = [done, list(self.journeys.values()), repr(plan), repr(self.bounds), self.cool_down_s]
        facts += [[one.text for one in self.objectives], self.target.url]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _quantity(value: str | float, dimension: Dimension, name: str) -> float:
    try:
        return parse_quantity(value, dimension) if isinstance(value, str) else float(value)
    except UsageError as error:
        raise error.at(f"argument {name}") from None
    except (TypeError, ValueError):
        allowed = f"a number or text with a unit of {dimension.value}"
        raise UsageError(f"{name} is no {dimension.value}", value=value, allowed=allowed) from None


def _check_open(given: Any, rate: float) -> None:
    profile = given(rate) if callable(given) else given
    plan = profile.plan() if callable(given) and callable(getattr(profile, "plan", None)) else None
    if plan is None or plan.arrivals is None:
        raise UsageError(
            "a capacity is searched with an open profile",
            value=profile,
            allowed='a function of the rate, such as lambda rate: arrival_rate(rate, "5 s", max_users=100)',
        )


def capacity_of(run: Run, measured: Measured, search: Search) -> Capacity:
    """The capacity, searched unless this run of pytest has found it already.

    Raises:
        CapacityError: There is none to be found; what was tried is in the test's result.
    """
    path = run.directory.path / "capacity" / f"{search.key}.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    capacity = Capacity.from_dict(known["capacity"]) if known else _searched(run, measured, search)
    found_by = known["found_by"] if known else measured.test
    measured.searches.append(_record(search, capacity, found_by))
    if capacity.rate is None:
        raise CapacityError(str(capacity))
    if known is None:
        _remember(path, {"found_by": found_by, "capacity": capacity.to_dict()})
    return capacity


def _searched(run: Run, measured: Measured, search: Search) -> Capacity:
    """Steps are runs of their own that nothing judges: most of them are meant to be too much."""
    steps = Measured(
        test=f"{measured.test}, searching for its capacity",
        plan=replace(measured.plan, objectives=()),
        slug=f"{measured.slug}-capacity-{len(measured.searches) + 1}",
        attempt=measured.attempt,
    )
    searching = CapacitySearch(search.bounds)
    try:
        while (rate := searching.rate) is not None:
            if steps.records:
                time.sleep(search.cool_down_s)
            searching.take(_step(run, steps, search, rate))
    except BaseException:
        measured.searches.append(_record(search, searching.capacity, measured.test))
        raise
    return searching.capacity


def _step(run: Run, steps: Measured, search: Search, rate: float) -> Step:
    asked = Asked(journey=dict(search.journeys), profile=search.profile(rate), target=search.target)
    result = measure(run, steps, asked)
    return step_of(rate, result, search.objectives, steps.records[-1].live)


def _record(search: Search, capacity: Capacity, found_by: str) -> SearchRecord:
    return SearchRecord(
        journeys=search.names,
        profile=str(search.profile(search.bounds.start)),
        objectives=tuple(one.text for one in search.objectives),
        tolerance=search.bounds.tolerance,
        capacity=capacity,
        found_by=found_by,
    )


def _remember(path: Path, facts: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    draft.replace(path)
