"""What is seen of one quantity while a load runs."""

from __future__ import annotations

from time import perf_counter

from pytest_roo_load.core.gauge import Gauge
from pytest_roo_load.core.units import Dimension

__all__ = ["Looks"]


class Looks:
    """Looks at one quantity, each with its time.

    Args:
        name: What is looked at: "depth of the queue".
        dimension: Of its values.
    """

    def __init__(self, name: str, dimension: Dimension) -> None:
        self._name = name
        self._dimension = dimension
        self._seen: list[tuple[float, float]] = []

    def __repr__(self) -> str:
        return f"<Looks at the {self._name}, {len(self._seen)} so far>"

    def note(self, value: float) -> None:
        """This is what it is now."""
        self._seen.append((perf_counter(), float(value)))

    def gauge(self, began: float, ended: float) -> Gauge:
        """All that was seen since the load began; what was seen after its end belongs to the end.

        Whoever looks once more when the load has ended has at least one point, however short the load was.

        Args:
            began: When the load did, on `time.perf_counter`.
            ended: When it ended.
        """
        points = tuple((min(at, ended) - began, value) for at, value in self._seen if at >= began)
        return Gauge(name=self._name, dimension=self._dimension, points=points)
