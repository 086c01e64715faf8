"""How evenly the iterations of a phase are spread over its users."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

__all__ = ["Fairness", "fairness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """The spread of the iterations that each user finished.

    Attributes:
        users: How many users there were.
        least: Iterations of the user that finished the fewest.
        p5: What 5 % of the users did not exceed (nearest rank), and so on.
        most: Iterations of the user that finished the most.
        gini: Gini's coefficient, 0 (all alike) to nearly 1 (one user finished all).
    """

    users: int
    least: int
    p5: int
    median: int
    p95: int
    most: int
    gini: float


def fairness(counts: Iterable[int]) -> Fairness | None:
    """The spread of iterations per user; None without users.

    Gini's coefficient by ranks: G = 2 Σ i·xᵢ / (n Σ xᵢ) - (n + 1) / n over ascending x (Sen, "On Economic Inequality").
    """
    ascending = np.sort(np.fromiter(counts, dtype=np.int64))
    users, total = ascending.size, int(ascending.sum())
    if not users:
        return None
    p5, median, p95 = (int(value) for value in np.percentile(ascending, (5, 50, 95), method="inverted_cdf"))
    ranked = float((ascending * np.arange(1, users + 1)).sum())
    gini = 2 * ranked / (users * total) - (users + 1) / users if total else 0.0
    return Fairness(
        users=users,
        least=int(ascending[0]),
        p5=p5,
        median=median,
        p95=p95,
        most=int(ascending[-1]),
        gini=max(0.0, gini),
    )
