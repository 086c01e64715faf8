"""A quantity that was looked at again and again while load ran."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_roo_load.core.units import Dimension

__all__ = ["Gauge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """Looks at one quantity: "depth of the queue".

    Attributes:
        name: What was looked at.
        dimension: Of its values.
        points: (seconds of the load, value), in order of time.
    """

    name: str
    dimension: Dimension
    points: tuple[tuple[float, float], ...]

    @property
    def peak(self) -> float | None:
        """The highest value seen; None when nobody looked."""
        return max((value for _, value in self.points), default=None)
