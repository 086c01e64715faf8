"""`sla.toml`: one table of objectives per scenario, and a default.

::

    [default]
    objectives = ["error_rate < 1 %"]

    [scenario.users-100]
    title = "100 users and more, peak"
    requirement = 4
    objectives = ["p95 < 3 s", "users >= 100"]

An objective applies only where it is listed; `default` applies to a measuring test that names neither a scenario nor
objectives of its own.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_roo_load.core.sla.objective import Objective
from pytest_roo_load.core.sla.parser import parse_objective
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
        allowed = ", ".join(self.scenarios) or f"none, for {self.source} has no [scenario.…] table"
        raise UsageError("unknown scenario", value=name, allowed=allowed, remedy=_suggestion(name, self.scenarios))


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
        raise UsageError("not TOML", value=str(error), allowed="see https://toml.io", place=source) from error
    reader = _Reader(text, source)
    reader.only(data, _TOP, "table", "")
    default = reader.table(data.get("default", {}), "[default]")
    reader.only(default, ("objectives",), "key", "[default]")
    scenarios = reader.table(data.get("scenario", {}), "[scenario]")
    return SlaTable(
        source=source,
        default=reader.objectives(default, "[default]"),
        scenarios={name: reader.scenario(name, table) for name, table in scenarios.items()},
    )


class _Reader:
    def __init__(self, text: str, source: str) -> None:
        self._lines = text.splitlines()
        self._source = source

    def place(self, fragment: str) -> str:
        """File and line of the first line that contains the fragment."""
        for number, line in enumerate(self._lines, 1):
            if fragment and fragment in line:
                return f"{self._source}:{number}"
        return self._source

    def only(self, table: Mapping[str, Any], allowed: tuple[str, ...], what: str, inside: str) -> None:
        for key in table:
            if key not in allowed:
                raise UsageError(
                    f"unknown {what}{f' in {inside}' if inside else ''}",
                    value=key,
                    allowed=", ".join(allowed),
                    place=self.place(key),
                    remedy=_suggestion(key, allowed),
                )

    def table(self, value: object, name: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise UsageError(f"{name} is not a table", value=value, allowed="a TOML table", place=self.place(name))
        return value

    def scenario(self, name: str, value: object) -> Scenario:
        header = f"[scenario.{name}]"
        table = self.table(value, header)
        self.only(table, _KEYS, "key", header)
        title, requirement = table.get("title", name), table.get("requirement")
        if not isinstance(title, str):
            raise UsageError("title is not text", value=title, allowed="text", place=self.place(header))
        if requirement is not None and (type(requirement) is not int or requirement < 1):
            raise UsageError(
                "requirement is no number", value=requirement, allowed="a whole number from 1", place=self.place(header)
            )
        return Scenario(name=name, title=title, requirement=requirement, objectives=self.objectives(table, header))

    def objectives(self, table: Mapping[str, Any], header: str) -> tuple[Objective, ...]:
        lines = table.get("objectives", [])
        if not isinstance(lines, list):
            raise UsageError(
                "objectives is not a list",
                value=lines,
                allowed='a list such as ["p95 < 3 s"]',
                place=self.place(header),
            )
        return tuple(parse_objective(line, self._line_of(header, line)) for line in lines)

    def _line_of(self, header: str, line: object) -> str:
        start = next((number for number, text in enumerate(self._lines) if re.sub(r"\s", "", text) == header), 0)
        for number, text in enumerate(self._lines[start:], start + 1):
            if f'"{line}"' in text or f"'{line}'" in text:
                return f"{self._source}:{number}"
        return self._source


def _suggestion(word: str, known: object) -> str | None:
    close = difflib.get_close_matches(word, list(known), n=1)  # type: ignore[call-overload]
    return f"did you mean {close[0]}?" if close else None
