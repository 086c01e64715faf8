"""Which lines of a Python program allocated what it did not give back: two snapshots, compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pytest_roo_load.core.units import Dimension, format_quantity

__all__ = ["AllocationGrowth", "Site", "Snapshot", "Table", "growth_between"]

Table = Mapping[tuple[str, str], tuple[int, int]]  # (place, through) → (bytes, blocks)
_MOST = 10
_LEAST_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What processes had allocated at one moment of a load, by process id; only those that have told."""

    at_s: float
    processes: Mapping[int, Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A line of a program that has more allocated at the end than at the beginning.

    Attributes:
        place: The line of the program's own code, `shop/cart.py:12`.
        through: The line of a library that was called and has allocated; empty when it is the same.
        size_bytes: How much more.
        blocks: How many blocks more.
    """

    place: str
    through: str
    size_bytes: int
    blocks: int

    def __str__(self) -> str:
        through = f" (through {self.through})" if self.through else ""
        blocks = f"{self.blocks:,} block{'' if self.blocks == 1 else 's'}"
        return f"{self.place}{through}: {format_quantity(self.size_bytes, Dimension.SIZE)} in {blocks}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationGrowth:
    """By how much more there was at one moment of a load than at another of what was allocated since it began.

    Attributes:
        from_s: The first moment.
        to_s: The second one.
        processes: How many processes have told at both.
        total_bytes: Growth of all lines together.
        sites: The lines that grew most, at most ten; those below 1 % of the total are left out.
    """

    from_s: float
    to_s: float
    processes: int
    total_bytes: int = 0
    sites: tuple[Site, ...] = field(default=())

    def lines(self, process: str) -> Iterator[str]:
        """In words, a line for each site."""
        if not self.processes:
            yield (
                f"no allocation sites: no process of {process} has told where it allocates. Told are those of Python "
                "programs that this run has started: the embedded server, and by own_server"
            )
            return
        sign = "-" if self.total_bytes < 0 else ""
        total = f"{sign}{format_quantity(abs(self.total_bytes), Dimension.SIZE)}"
        many = f"{self.processes} process{'' if self.processes == 1 else 'es'}"
        moments = f"at second {self.to_s:.1f} than at second {self.from_s:.1f}"
        yield f"of what Python has allocated since the load began, {many} had {total} more {moments}:"
        yield from (f"  {site}" for site in self.sites)


def growth_between(first: Snapshot, second: Snapshot) -> AllocationGrowth:
    """What grew from one snapshot to another, in the processes that are in both."""
    both = first.processes.keys() & second.processes.keys()
    grown: dict[tuple[str, str], tuple[int, int]] = {}
    for pid in both:
        for sign, table in ((-1, first.processes[pid]), (1, second.processes[pid])):
            for key, (size, blocks) in table.items():
                size_so_far, blocks_so_far = grown.get(key, (0, 0))
                grown[key] = size_so_far + sign * size, blocks_so_far + sign * blocks
    total = sum(size for size, _ in grown.values())
    return AllocationGrowth(
        from_s=first.at_s, to_s=second.at_s, processes=len(both), total_bytes=total, sites=_most(grown, total)
    )


def _most(grown: Table, total: int) -> tuple[Site, ...]:
    sites = (
        Site(place=place, through=through, size_bytes=size, blocks=blocks)
        for (place, through), (size, blocks) in grown.items()
        if size > 0 and size >= _LEAST_SHARE * total
    )
    return tuple(sorted(sites, key=lambda site: (-site.size_bytes, site.place))[:_MOST])
