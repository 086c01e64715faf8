"""Asks processes where what they have was allocated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

import psutil

from pytest_roo_load.core.allocations import AllocationGrowth, Snapshot, Table, growth_between
from pytest_roo_load.tracing.question import told

__all__ = ["Snapshots", "sites_of"]


class Snapshots:
    """What each process of some trees has allocated, at several moments. Implements `core.ports.Snapshots`.

    Args:
        trees: Name → the processes at the roots of the tree; their children are found at each look.
        frames: How many frames of each allocation are kept: with more a line of the program's own is found where a
            library has allocated, and the program is slower.
    """

    def __init__(self, trees: Mapping[str, tuple[int, ...]], frames: int) -> None:
        self._trees = trees
        self._frames = frames
        self._taken: dict[str, list[Snapshot]] = {name: [] for name in trees}

    def __repr__(self) -> str:
        return f"<Snapshots of {', '.join(self._trees) or 'nothing'}>"

    def begin(self) -> None:
        """Let all of them trace from now on."""
        self._tell_all(f"start {self._frames}")

    def take(self, at_s: float) -> None:
        """Ask all of them at this moment of the load."""
        for name, roots in self._trees.items():
            tables = {pid: table for pid in _tree(roots) if (table := sites_of(pid)) is not None}
            self._taken[name].append(Snapshot(at_s=at_s, processes=tables))

    def end(self) -> None:
        """Let them trace no more."""
        self._tell_all("stop")

    def _tell_all(self, order: str) -> None:
        for roots in self._trees.values():
            for pid in _tree(roots):
                told(pid, order)

    def growth(self) -> dict[str, AllocationGrowth]:
        """From the first moment to the last one, for each tree that was asked twice."""
        return {name: growth_between(taken[0], taken[-1]) for name, taken in self._taken.items() if len(taken) > 1}


def _tree(roots: tuple[int, ...]) -> Iterator[int]:
    for root in roots:
        yield root
        with suppress(psutil.Error):
            yield from (child.pid for child in psutil.Process(root).children(recursive=True))


def sites_of(pid: int) -> Table | None:
    """What a process has allocated since it traces, by place; None for one that does not trace."""
    answer = told(pid, "sites")
    return None if answer is None else {(place, through): (size, blocks) for place, through, size, blocks in answer}
