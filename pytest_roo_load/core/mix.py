"""Which journey each virtual user performs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, islice

__all__ = ["assign"]


def assign(weights: Sequence[float], users: int) -> list[int]:
    """The index of the journey of each user, 0 to `users` - 1.

    Among the first n users each journey has its share of n rounded up or down, so that the mix is right at every level
    of a ramp and does not depend on chance. It is the quota method of M. L. Balinski and H. P. Young (American
    Mathematical Monthly 82, 1975); smooth weighted round robin drifts further than one from six journeys on.
    """
    return list(islice(_quota_method(weights), users))


def _quota_method(weights: Sequence[float]) -> Iterator[int]:
    given = [0] * len(weights)
    total = sum(weights)
    for placed in count(1):
        below_share = [index for index, weight in enumerate(weights) if given[index] * total < placed * weight]
        chosen = max(below_share, key=lambda index: weights[index] / (given[index] + 1))
        given[chosen] += 1
        yield chosen
