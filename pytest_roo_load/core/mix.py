"""Which journey each virtual user performs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

__all__ = ["assign"]


def assign(weights: Sequence[float], users: int) -> list[int]:
    """The index of the journey of each user, 0 to `users` - 1.

    Smooth weighted round robin: among the first n users each journey has its share of n, give or take one, so that the
    mix is right at every level of a ramp and does not depend on chance.
    """
    return list(islice(_round_robin(weights), users))


def _round_robin(weights: Sequence[float]) -> Iterator[int]:
    credit = [0.0] * len(weights)
    total = sum(weights)
    while True:
        for index, weight in enumerate(weights):
            credit[index] += weight
        chosen = max(range(len(credit)), key=credit.__getitem__)
        credit[chosen] -= total
        yield chosen
