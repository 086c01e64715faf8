"""Checks of request fields. A `Form` collects every problem, so that one answer names them all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pytest_roo_load.ccs.errors import Problem, invalid

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(?:\.[^@\s\x00-\x1f\x7f.]+)+")
_PASSWORD_NEEDS = (
    (re.compile(r"[a-z]"), "a lower case letter"),
    (re.compile(r"[A-Z]"), "an upper case letter"),
    (re.compile(r"[0-9]"), "a digit"),
    (re.compile(r"[@$!%*?&]"), "one of @$!%*?&"),
)
_MAX_EMAIL = 254
_PASSWORD_LENGTH = (8, 128)
_MAX_OFFSET = 2**31 - 1
_MAX_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which rows of a list are wanted."""

    limit: int
    offset: int


class Form:
    """The fields of one request. Each method takes one field; `check` raises when any was bad.

    A field that is required and absent, or bad, is a problem and yields an empty value of its type, which must not be
    used before `check`. JSON ``null`` counts as absent.
    """

    def __init__(self, source: Mapping[str, Any], *, where: str = "") -> None:
        self._source = source
        self._where = where
        self._problems: list[Problem] = []

    def __repr__(self) -> str:
        return f"<Form {len(self._problems)} problems>"

    def check(self) -> None:
        """Raise the 400 answer that lists all problems, if there are any."""
        if self._problems:
            raise invalid(*self._problems)

    def inside(self, name: str, source: Mapping[str, Any]) -> Form:
        """Return the form of the object in a field; its problems are this form's."""
        inner = Form(source, where=f"{self._where}{name}.")
        inner._problems = self._problems
        return inner

    def problem(self, name: str, message: str, code: str) -> None:
        """Note a problem with a field."""
        self._problems.append(Problem(field=self._where + name, message=message, code=code))

    def text(self, name: str, *, longest: int, shortest: int = 1) -> str:
        """Take required text of so many characters."""
        return self._required(name, self.text_or_none(name, longest=longest, shortest=shortest)) or ""

    def text_or_none(self, name: str, *, longest: int, shortest: int = 0) -> str | None:
        """Take optional text of so many characters."""
        value = self._source.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.problem(name, "must be text", "INVALID_TYPE")
        elif not shortest <= len(value) <= longest:
            code = "TOO_LONG" if len(value) > longest else "TOO_SHORT"
            self.problem(name, f"must have {shortest} to {longest} characters", code)
        elif not storable(value):
            self.problem(name, "must not contain NUL or a lone surrogate", "INVALID_CHARACTER")
        else:
            return value
        return None

    def email(self, name: str) -> str:
        """Take a required e-mail address, in lower case."""
        value = self.text(name, longest=_MAX_EMAIL).lower()
        if value and not _EMAIL.fullmatch(value):
            self.problem(name, "must be an e-mail address", "INVALID_FORMAT")
        return value

    def new_password(self, name: str) -> str:
        """Take a required password that is good enough to be set."""
        shortest, longest = _PASSWORD_LENGTH
        value = self.text(name, shortest=shortest, longest=longest)
        missing = [text for pattern, text in _PASSWORD_NEEDS if not pattern.search(value)]
        if value and missing:
            self.problem(name, "must contain " + ", ".join(missing), "TOO_WEAK")
        return value

    def choice(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        """Take one of the allowed words; required unless there is a default."""
        value = self.choice_or_none(name, allowed)
        return default if value is None and default is not None else self._required(name, value) or ""

    def choice_or_none(self, name: str, allowed: Sequence[str]) -> str | None:
        """Take one of the allowed words, or nothing."""
        value = self._source.get(name)
        if value is None or (isinstance(value, str) and value in allowed):
            return value
        self.problem(name, "must be one of " + ", ".join(allowed), "INVALID_VALUE")
        return None

    def uuid(self, name: str) -> str:
        """Take a required UUID, in lower case."""
        return self._required(name, self.uuid_or_none(name)) or ""

    def uuid_or_none(self, name: str) -> str | None:
        """Take an optional UUID, in lower case."""
        value = self._source.get(name)
        if value is None:
            return None
        if not is_uuid(value):
            self.problem(name, "must be a UUID", "INVALID_FORMAT")
            return None
        return str(value).lower()

    def mapping_or_none(self, name: str) -> dict[str, Any] | None:
        """Take an optional JSON object."""
        value = self._source.get(name)
        if value is None or isinstance(value, dict):
            return value
        self.problem(name, "must be an object", "INVALID_TYPE")
        return None

    def boolean(self, name: str, *, default: bool) -> bool:
        """Take an optional true or false."""
        value = self._source.get(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.problem(name, "must be true or false", "INVALID_TYPE")
        return default

    def matching(self, name: str, pattern: re.Pattern[str], what: str) -> str:
        """Take required text that matches ``pattern`` as a whole; ``what`` describes such text."""
        value = self._source.get(name)
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        if self._required(name, None) is None and value is not None:
            self.problem(name, f"must be {what}", "INVALID_FORMAT")
        return ""

    def sha256(self, name: str) -> str:
        """Take a required SHA-256 in hexadecimal, in lower case."""
        return self._required(name, self.sha256_or_none(name)) or ""

    def sha256_or_none(self, name: str) -> str | None:
        """Take an optional SHA-256 in hexadecimal, in lower case."""
        return None if self._source.get(name) is None else self.matching(name, _SHA256, "64 hexadecimal digits").lower()

    def integer(self, name: str, *, low: int, high: int, default: int | None = None) -> int:
        """Take a whole number, also as text (query strings); required unless there is a default."""
        value = self._source.get(name, default)
        if value is None:
            self._required(name, None)
            return low
        try:
            number = int(value) if isinstance(value, str) else value
        except ValueError:
            number = None
        if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
            self.problem(name, f"must be a whole number from {low} to {high}", "OUT_OF_RANGE")
            return low
        return number

    def number_or_none(self, name: str, *, low: float, high: float) -> float | None:
        """Take an optional number."""
        value = self._source.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            self.problem(name, f"must be a number from {low:g} to {high:g}", "OUT_OF_RANGE")
            return None
        return float(value)

    def moment_or_none(self, name: str) -> datetime | None:
        """Take an optional ISO 8601 time; without an offset it is UTC."""
        value = self._source.get(name)
        if value is None:
            return None
        try:
            # A plus sign in a query string that was not escaped arrives as a space.
            moment = datetime.fromisoformat(str(value).replace(" ", "+") if "T" in str(value) else str(value))
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.problem(name, "must be an ISO 8601 time", "INVALID_FORMAT")
            return None

    def page(self, default_limit: int = 20) -> Page:
        """Take ``limit`` and ``offset``."""
        return Page(
            limit=self.integer("limit", low=1, high=_MAX_LIMIT, default=default_limit),
            offset=self.integer("offset", low=0, high=_MAX_OFFSET, default=0),
        )

    def _required(self, name: str, value: str | None) -> str | None:
        if value is None and self._source.get(name) is None:
            self.problem(name, "is required", "REQUIRED")
        return value


def is_uuid(value: object) -> bool:
    """Tell whether ``value`` is the usual text form of a UUID."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def storable(text: str) -> bool:
    """Tell whether PostgreSQL can store ``text`` and UTF-8 can carry it."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def pattern_of(search: str | None) -> str | None:
    """Return the ILIKE pattern for rows that contain ``search`` literally; None for no search."""
    if not search:
        return None
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
