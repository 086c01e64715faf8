"""The arrivals that are ahead of one generator, in the order in which they are due."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from pytest_roo_load.core.profiles.arrivals import arrival_times
from pytest_roo_load.core.profiles.plan import Arrivals, users_of
from pytest_roo_load.core.trace import Recorded

__all__ = ["Ahead", "Due", "PlannedArrivals", "SteeredArrivals", "ahead_of", "numbers_of"]


@dataclass(frozen=True, slots=True)
class Due:
    """An arrival: its number among those of all generators, its moment in seconds of the load, and what it is for."""

    number: int
    at_s: float
    request: Recorded | None = None


class Ahead(Protocol):
    """One generator's share of the arrivals."""

    @property
    def next(self) -> Due | None:
        """The one that is due next; None when there is none."""

    def pass_on(self) -> None:
        """That one has begun, or never will: the one after it is next."""

    def steer(self, from_s: float, rate: float) -> None:
        """From a moment on, all generators together have so many arrivals a second."""


def numbers_of(users: int, share: tuple[int, int]) -> Iterator[int]:
    """The numbers of one generator's arrivals: arrival k is for the journey of user k modulo `users`.

    The generator that has this user begins it. So every generator has users for its arrivals, and the mix of journeys
    is that of all users, however many generators there are. A generator without users has no arrivals.

    Args:
        users: The most that there ever are, of all generators together.
        share: Index and number of the generators.
    """
    own = users_of(users, *share)
    rounds = count() if own else ()
    return (each * users + user for each in rounds for user in own)


class PlannedArrivals:
    """Arrivals whose moments are known beforehand. Nothing steers them."""

    def __init__(self, arrivals: Arrivals, seed: int, share: tuple[int, int]) -> None:
        own = users_of(arrivals.max_users, *share)  # see `numbers_of`
        if arrivals.requests:
            due = (Due(number, one.at_s, one) for number, one in enumerate(arrivals.requests))
        else:
            due = (Due(number, at_s) for number, at_s in enumerate(arrival_times(arrivals.segments, seed)))
        self._due = (one for one in due if one.number % arrivals.max_users in own)
        self.next = next(self._due, None)

    def __repr__(self) -> str:
        return f"<PlannedArrivals, next {self.next}>"

    def pass_on(self) -> None:
        """See `Ahead`."""
        self.next = next(self._due, None)

    def steer(self, from_s: float, rate: float) -> None:
        """See `Ahead`; never called, since a plan says all there is to know."""
        raise AssertionError(f"planned arrivals cannot be steered to {rate}/s from {from_s} s")


class SteeredArrivals:
    """Arrivals at a rate that changes while the load runs.

    The k-th arrival of all generators is when the rate has summed up to k, whatever its course. So generators that are
    told the same rates for the same moments agree on the moment of each, and each takes those of its own numbers.

    Args:
        rate: Of all generators together, from 0 s on.
        end_s: No arrival is due from here on.
        numbers: Of this generator's arrivals among those of all, ascending.
    """

    def __init__(self, rate: float, end_s: float, numbers: Iterator[int]) -> None:
        self._end_s = end_s
        self._numbers = numbers
        self._number = next(numbers, None)
        self._from_s, self._count, self._rate = 0.0, 0.0, rate
        self._bends: deque[tuple[float, float]] = deque()
        self._latest_s = 0.0

    def __repr__(self) -> str:
        return f"<SteeredArrivals at {self._rate:g}/s, next {self.next}>"

    @property
    def next(self) -> Due | None:
        """See `Ahead`."""
        if self._number is None:
            return None
        at_s = self._moment(self._number)
        return Due(self._number, at_s) if at_s < self._end_s else None

    def pass_on(self) -> None:
        """See `Ahead`."""
        assert self._number is not None
        self._latest_s = self._moment(self._number)
        self._number = next(self._numbers, None)

    def steer(self, from_s: float, rate: float) -> None:
        """See `Ahead`; what is past stays as it was."""
        last_bend = self._bends[-1][0] if self._bends else self._from_s
        self._bends.append((max(from_s, self._latest_s, last_bend), rate))

    def _moment(self, number: int) -> float:
        """When the rate has summed up to a number, the next one; bends that lie before are passed for good."""
        while self._bends:
            bend_s, rate = self._bends[0]
            reached = self._count + (bend_s - self._from_s) * self._rate
            if reached > number:
                break
            self._from_s, self._count, self._rate = bend_s, reached, rate
            self._bends.popleft()
        return self._from_s + max(0.0, number - self._count) / self._rate


def ahead_of(arrivals: Arrivals, seed: int, share: tuple[int, int], end_s: float) -> Ahead:
    """The share of one generator, by its index and the number of generators."""
    if arrivals.steering is None:
        return PlannedArrivals(arrivals, seed, share)
    return SteeredArrivals(arrivals.steering.start, end_s, numbers_of(arrivals.max_users, share))
