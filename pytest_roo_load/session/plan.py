"""What the markers of a test ask for, checked while tests are collected."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_roo_load.core.sla.objective import Objective
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.sla.table import Scenario, SlaTable, parse_sla
from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.gate import MEASURING

__all__ = ["TestPlan", "plan_of", "read_sla"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPlan:
    """What is asked of a test that measures.

    Attributes:
        scenario: Its table of objectives.
        objectives: What each of its runs must meet.
        needs: Features of a CCS without which it is not run.
    """

    __test__ = False

    scenario: Scenario | None
    objectives: tuple[Objective, ...]
    needs: tuple[str, ...] = ()


def plan_of(item: pytest.Item, table: SlaTable) -> TestPlan:
    """The plan of a test that is our business.

    Raises:
        UsageError: Names the test's file and line and what is wrong with it.
    """
    place = _place(item)
    if MEASURING.isdisjoint(getattr(item, "fixturenames", ())):
        raise UsageError(
            "a marker of pytest-roo-load on a test that measures nothing",
            value=item.name,
            allowed=f"tests that take the fixture {' or '.join(sorted(MEASURING))}",
            place=place,
        )
    if inspect.iscoroutinefunction(getattr(item, "function", None)):
        raise UsageError(
            "a test that measures is async",
            value=item.name,
            allowed="def test_...(): only journeys are async",
            place=place,
        )
    scenario = _scenario(item, table, place)
    own = tuple(_objectives(item.iter_markers("sla"), place))
    listed = scenario.objectives if scenario else ()
    return TestPlan(
        scenario=scenario,
        objectives=(*listed, *own) or table.default,
        needs=tuple(_needs(item.iter_markers("needs"), place)),
    )


def read_sla(path: Path, *, named: bool) -> SlaTable:
    """The table of objectives from its file; an empty one where there is no file, unless the user named it.

    Raises:
        UsageError: The file is missing or cannot be read or parsed.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if not named:
            return SlaTable(source=path.name)
        raise UsageError(
            "no such file", value=str(path), allowed="a TOML file of objectives", place="--roo-sla"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot be read", value=str(error), allowed="a UTF-8 TOML file", place=str(path)) from error
    return parse_sla(text, path.name)


def _scenario(item: pytest.Item, table: SlaTable, place: str) -> Scenario | None:
    marker = item.get_closest_marker("scenario")
    if marker is None:
        return None
    if len(marker.args) != 1 or marker.kwargs or not isinstance(marker.args[0], str):
        given = (*marker.args, *(f"{key}={value!r}" for key, value in marker.kwargs.items()))
        raise UsageError(
            "wrong marker argument", value=given, allowed='scenario("NAME")', place=f"{place}: marker scenario"
        )
    try:
        return table.scenario(marker.args[0])
    except UsageError as error:
        raise error.at(f"{place}: marker scenario") from None


def _objectives(markers: Iterable[pytest.Mark], place: str) -> Iterable[Objective]:
    for marker in markers:
        if marker.kwargs or not marker.args:
            raise UsageError(
                "wrong marker argument",
                value=marker.kwargs or "nothing",
                allowed='sla("p95 < 3 s", ...)',
                place=f"{place}: marker sla",
            )
        for text in marker.args:
            yield parse_objective(text, f"{place}: marker sla")


def _needs(markers: Iterable[pytest.Mark], place: str) -> Iterable[str]:
    for marker in markers:
        from pytest_roo_load.clients.ccs.offers import check_features  # noqa: PLC0415 - loaded when used

        check_features(marker.args or (marker.kwargs,), f"{place}: marker needs")
        yield from marker.args


def _place(item: pytest.Item) -> str:
    path, line, _ = item.reportinfo()
    try:
        shown = Path(path).relative_to(item.config.rootpath)
    except ValueError:
        shown = Path(path)
    return f"{shown}:{(line or 0) + 1}"
