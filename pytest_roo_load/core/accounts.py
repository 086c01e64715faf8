"""Accounts of a deployment, from the file that the user names.

The file is a JSON list of `{"user_id", "email", "password", "device_id", "token"}`. Entries with the same `user_id` are
several devices of one account, in the order in which they stand.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pytest_roo_load.errors import UsageError

__all__ = ["Access", "Account", "parse_accounts"]

_FIELDS = ("user_id", "email", "password", "device_id", "token")
_IDS = ("user_id", "device_id")
_ALLOWED = f"a list of objects with the texts {', '.join(_FIELDS)}"
_BETWEEN = re.compile(r"[\s,]*")
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one device of an account gets in."""

    device_id: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of a deployment; secrets stay out of the `repr`.

    Attributes:
        devices: At least one.
    """

    user_id: str
    email: str
    password: str = field(repr=False)
    devices: tuple[Access, ...]

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown."""
        return (self.password, *(device.token for device in self.devices))


@dataclass(frozen=True, slots=True)
class _Entry:
    line: int
    text: str
    value: Any

    def line_of(self, name: str) -> int:
        """The line on which a field stands; that of the entry when it has none."""
        found = re.search(rf'"{name}"\s*:', self.text)
        return self.line + (self.text.count("\n", 0, found.start()) if found else 0)


def parse_accounts(text: str, source: str, now: float) -> tuple[Account, ...]:
    """The accounts of a file.

    Args:
        text: The file's content.
        source: Names the file in errors.
        now: Seconds since the epoch: tokens that tell when they end must not have ended.

    Raises:
        UsageError: Names file, line and field of everything that is wrong; never a secret.
    """
    accounts: dict[str, Account] = {}
    problems: list[tuple[int, str]] = []
    for entry in _entries(text, source):
        found = [*_problems(entry, now)] or [*_contradictions(entry, accounts)]
        problems += found
        if not found:
            _add(entry.value, accounts)
    if problems:
        line, first = problems[0]
        others = [f"line {line}: {problem}" for line, problem in problems[1:_MOST_SHOWN]]
        more = [f"and {len(problems) - _MOST_SHOWN} more"] if len(problems) > _MOST_SHOWN else []
        raise UsageError(
            "not an account", value=first, allowed=_ALLOWED, place=f"{source}:{line}",
            remedy=f"also {'; '.join([*others, *more])}" if others else None,
        )  # fmt: skip
    if not accounts:
        raise UsageError("no accounts", value="an empty list", allowed=_ALLOWED, place=f"{source}:1")
    return tuple(accounts.values())


def _entries(text: str, source: str) -> Iterator[_Entry]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            "not JSON", value=error.msg, allowed=_ALLOWED, place=f"{source}:{error.lineno}:{error.colno}"
        ) from None
    if not isinstance(values, list):
        raise UsageError("not a list", value=type(values).__name__, allowed=_ALLOWED, place=f"{source}:1")
    decoder, end = json.JSONDecoder(), text.index("[") + 1
    line = text.count("\n", 0, end) + 1
    for value in values:
        begin = _end_of(_BETWEEN, text, end)
        line += text.count("\n", end, begin)
        _, end = decoder.raw_decode(text, begin)
        yield _Entry(line, text[begin:end], value)
        line += text.count("\n", begin, end)


def _end_of(pattern: re.Pattern[str], text: str, begin: int) -> int:
    found = pattern.match(text, begin)
    return found.end() if found else begin


def _problems(entry: _Entry, now: float) -> Iterator[tuple[int, str]]:
    """What is wrong with an entry by itself."""
    if not isinstance(entry.value, dict):
        yield entry.line, f"a {type(entry.value).__name__} instead of an object"
        return
    for name in _FIELDS:
        value = entry.value.get(name)
        if name not in entry.value:
            yield entry.line, f"{name} is missing"
        elif not isinstance(value, str) or not value.strip():
            yield entry.line_of(name), f"{name} is {'empty' if isinstance(value, str) else type(value).__name__}"
        elif name in _IDS and not _is_uuid(value):
            yield entry.line_of(name), f"{name} is no UUID: {value}"
        elif name == "token" and (complaint := _token_complaint(value, now)):
            yield entry.line_of(name), complaint


def _contradictions(entry: _Entry, known: dict[str, Account]) -> Iterator[tuple[int, str]]:
    """What is wrong with an entry beside those before it."""
    account = known.get(entry.value["user_id"])
    if account is None:
        return
    for name in ("email", "password"):
        if getattr(account, name) != entry.value[name]:
            yield entry.line_of(name), f"{name} differs from that of an earlier entry of the same user_id"
    if entry.value["device_id"] in {device.device_id for device in account.devices}:
        yield entry.line_of("device_id"), f"device_id is there twice: {entry.value['device_id']}"


def _add(value: dict[str, str], accounts: dict[str, Account]) -> None:
    before = accounts.get(value["user_id"])
    device = Access(device_id=value["device_id"], token=value["token"])
    accounts[value["user_id"]] = Account(
        user_id=value["user_id"],
        email=value["email"],
        password=value["password"],
        devices=(*(before.devices if before else ()), device),
    )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _token_complaint(token: str, now: float) -> str:
    """Why a token cannot be used; "" when nothing speaks against it."""
    if not (token.isascii() and token.isprintable()) or " " in token:
        return "token has characters that no header carries"
    ends = _end_of_token(token)
    return f"token ended {now - ends:,.0f} s ago" if ends is not None and ends <= now else ""


def _end_of_token(token: str) -> float | None:
    """When a JSON Web Token ends, as it says itself (RFC 7519, 4.1.4); None where it does not."""
    _, _, rest = token.partition(".")
    claims = rest.partition(".")[0]
    try:
        ends = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
    except (ValueError, KeyError, TypeError):
        return None
    return float(ends) if isinstance(ends, int | float) else None
