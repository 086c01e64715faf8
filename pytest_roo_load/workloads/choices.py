"""The choices that a test makes when it asks for a ready-made load, as one checked value."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pytest_roo_load.core.profiles import Profile, arrival_rate, constant_users, iterations
from pytest_roo_load.core.suggestion import did_you_mean
from pytest_roo_load.errors import UsageError

__all__ = ["Pace", "chosen", "in_range", "one_of", "paced"]

T = TypeVar("T")
_TO_CONNECT = "1 s"
_USUAL = "10 s"
_LONGEST = "10 min"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How hard a load is driven.

    Attributes:
        clients: Clients at once, each with a connection of its own unless a pool is asked for.
        duration: Length of the steady phase; None for 10 s.
        warm_up: Length of a phase before it. Default: none for a closed loop; with a rate 1 s, in which clients
            connect, for an arrival that finds none ready is dropped.
        rate: Iterations that begin per second whatever became of earlier ones ("200/s"); None for a closed loop.
        count: Iterations to do; the load ends with the last of them. `duration` is then the longest it may take;
            None for 10 min.
    """

    clients: int = 8
    duration: str | float | None = None
    warm_up: str | float | None = None
    rate: str | None = None
    count: int | None = None

    def profile(self) -> Profile:
        """The profile.

        Raises:
            UsageError: A value is out of range, or two exclude each other.
        """
        in_range("clients", self.clients, 1, 100_000)
        if self.rate is not None and self.count is not None:
            value = f"rate={self.rate!r}, count={self.count!r}"
            raise UsageError("these exclude each other", value=value, allowed="a rate, or a number of iterations")
        if self.count is not None:
            longest = _LONGEST if self.duration is None else self.duration
            return iterations(self.count, users=self.clients, warm_up=self.warm_up or 0, max_duration=longest)
        duration = _USUAL if self.duration is None else self.duration
        if self.rate is not None:
            users = self.clients
            warm_up = _TO_CONNECT if self.warm_up is None else self.warm_up
            return arrival_rate(self.rate, duration, users=users, max_users=users, warm_up=warm_up)
        return constant_users(self.clients, duration, warm_up=self.warm_up or 0)


def chosen(kind: type[T], choices: Mapping[str, Any], *, also: Iterable[str] = ()) -> T:
    """The choices that belong to a dataclass of defaults.

    Args:
        kind: The dataclass.
        choices: What the test gave, by name.
        also: Names that belong elsewhere.

    Raises:
        UsageError: A name is none of either.
    """
    own = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    known = [*own, *also]
    for name in choices:
        if name not in known:
            remedy = did_you_mean(name, known)
            raise UsageError("unknown argument", value=name, allowed=", ".join(known), remedy=remedy)
    return kind(**{name: value for name, value in choices.items() if name in own})


def paced(kind: type[T], choices: Mapping[str, Any]) -> tuple[T, Pace]:
    """The choices that belong to a dataclass of defaults, and the pace, as `chosen` gives them."""
    own = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return chosen(kind, choices, also=Pace.__dataclass_fields__), chosen(Pace, choices, also=own)


def in_range(name: str, value: object, least: float, most: float) -> None:
    """Refuse what is no number from `least` to `most`; a whole one when `least` is an int.

    Raises:
        UsageError: Names the argument.
    """
    kinds = int if isinstance(least, int) else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        kind = "a whole number" if isinstance(least, int) else "a number"
        raise UsageError(f"{name} is out of range", value=value, allowed=f"{kind} from {least:,} to {most:,}")


def one_of(name: str, value: object, allowed: Iterable[str]) -> None:
    """Refuse what is not one of some words.

    Raises:
        UsageError: Names the argument; suggests a word that is near.
    """
    words = list(allowed)
    if value not in words:
        remedy = did_you_mean(value, words)
        raise UsageError(f"{name} is not known", value=value, allowed=", ".join(words), remedy=remedy)
