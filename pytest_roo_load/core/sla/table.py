"""`sla.toml`: one table of objectives per scenario, and a default.

::

    [default]
    objectives = ["error_rate < 1 %"]

    [scenario.users-100]
    title = "100 users and more, peak"
    requirement = 4
    objectives = ["p95 < 3 s", "users >= 100"]

An objective applies only where it is listed; `default` applies to a measuring test that names neither a scenario nor
objectives of its own. A table beside the test's module adds what the project's own does not have.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_roo_load.core.sla.objective import Objective
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.sla.toml_lines import Path, TomlLines
from pytest_roo_load.core.suggestion import did_you_mean
from pytest_roo_load.errors import UsageError

__all__ = ["Scenario", "SlaTable", "parse_sla"]

_TOP = ("default", "scenario")
_KEYS = ("title", "requirement", "objectives")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario: its name in the `scenario` marker, its number among the 34 (None for one's own), its objectives."""

    name: str
    title: str
    requirement: int | None
    objectives: tuple[Objective, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaTable:
    """All of `sla.toml`."""

    source: str
    default: tuple[Objective, ...] = ()
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)

    def scenario(self, name: str) -> Scenario:
        """The scenario of this name.

        Raises:
            UsageError: There is none; names those there are and the closest.
        """
        if name in self.scenarios:
            return self.scenarios[name]
        allowed = ", ".join(self.scenarios) or f"none, for there is no {self.source} with a [scenario.…] table"
        raise UsageError("unknown scenario", value=name, allowed=allowed, remedy=did_you_mean(name, self.scenarios))

    def completed_by(self, other: SlaTable) -> SlaTable:
        """This table with what only the other has: scenarios of other names, and the default where there is none."""
        return SlaTable(
            source=self.source,
            default=self.default or other.default,
            scenarios={**other.scenarios, **self.scenarios},
        )


def parse_sla(text: str, source: str) -> SlaTable:
    """Read `sla.toml`.

    Args:
        text: The file's content.
        source: The file's name, for messages; line numbers are added.

    Raises:
        UsageError: No TOML, a misspelt table or key, a wrong type, or an objective that cannot be parsed.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            "not TOML", value=str(error), allowed="see https://toml.io", place=_place_in(source, error)
        ) from error
    reader = _Reader(text, source)
    reader.only(data, _TOP, "table", ())
    default = reader.table(data, (), "default")
    reader.only(default, ("objectives",), "key", ("default",))
    scenarios = reader.table(data, (), "scenario")
    return SlaTable(
        source=source,
        default=reader.objectives(default, ("default",)),
        scenarios={name: reader.scenario(scenarios, name) for name in scenarios},
    )


def _place_in(source: str, error: tomllib.TOMLDecodeError) -> str:
    line = re.search(r"at line (\d+)", str(error))
    return f"{source}:{line[1]}" if line else source


class _Reader:
    """Takes what `tomllib` read to pieces; a path is the names of the tables around a value."""

    def __init__(self, text: str, source: str) -> None:
        self._lines = TomlLines(text)
        self._source = source

    def __repr__(self) -> str:
        return f"<_Reader of {self._source}>"

    def _place(self, line: int | None) -> str:
        return self._source if line is None else f"{self._source}:{line}"

    def _at_key(self, path: Path, key: str) -> str:
        return self._place(self._lines.of_key(path, key))

    def only(self, table: Mapping[str, Any], allowed: tuple[str, ...], what: str, path: Path) -> None:
        """Refuse other keys than the allowed ones."""
        for key in table:
            if key not in allowed:
                raise UsageError(
                    f"unknown {what}{f' in {_header(path)}' if path else ''}",
                    value=key,
                    allowed=", ".join(allowed),
                    place=self._at_key(path, key),
                    remedy=did_you_mean(key, allowed),
                )

    def table(self, around: Mapping[str, Any], path: Path, name: str) -> Mapping[str, Any]:
        """The table of this name inside another, empty when it is not there."""
        value = around.get(name, {})
        if not isinstance(value, dict):
            problem = f"{_header((*path, name))} is not a table"
            raise UsageError(problem, value=value, allowed="a TOML table", place=self._at_key(path, name))
        return value

    def scenario(self, scenarios: Mapping[str, Any], name: str) -> Scenario:
        """The scenario that a table describes."""
        path = ("scenario", name)
        table = self.table(scenarios, path[:1], name)
        self.only(table, _KEYS, "key", path)
        title, requirement = table.get("title", name), table.get("requirement")
        if not isinstance(title, str):
            raise UsageError("title is not text", value=title, allowed="text", place=self._at_key(path, "title"))
        if requirement is not None and (type(requirement) is not int or requirement < 1):
            place = self._at_key(path, "requirement")
            raise UsageError(
                "requirement is no number", value=requirement, allowed="a whole number from 1", place=place
            )
        if not table.get("objectives", True):
            raise UsageError(
                "a scenario without objectives would pass whatever happens",
                value=table["objectives"],
                allowed='a list such as ["p95 < 3 s"]',
                place=self._at_key(path, "objectives"),
            )
        return Scenario(name=name, title=title, requirement=requirement, objectives=self.objectives(table, path))

    def objectives(self, table: Mapping[str, Any], path: Path) -> tuple[Objective, ...]:
        """The objectives that a table lists."""
        texts = table.get("objectives", [])
        if not isinstance(texts, list):
            place = self._at_key(path, "objectives")
            raise UsageError(
                "objectives is not a list", value=texts, allowed='a list such as ["p95 < 3 s"]', place=place
            )
        return tuple(
            parse_objective(text, self._place(self._lines.of_text(path, "objectives", text))) for text in texts
        )


def _header(path: Path) -> str:
    return f"[{'.'.join(path)}]"
