"""Memory and CPU of process trees, read from the operating system with psutil."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress

import psutil

from pytest_roo_load.core.timeline import ProcessUse

__all__ = ["ProcessProbe"]


class ProcessProbe:
    """Looks at named process trees.

    CPU time never goes back: what a process had used when it was last seen stays in its tree's sum after it has ended.
    What a child that came and went between two looks used is missed.

    Args:
        trees: Name → the processes at the roots of the tree; their children are found at each look.
        alone: Names of trees whose roots alone are looked at, because they start what has nothing to do with them.
    """

    def __init__(self, trees: Mapping[str, tuple[int, ...]], alone: Collection[str] = ()) -> None:
        self._trees = {name: _Tree(pids, alone=name in alone) for name, pids in trees.items() if pids}

    def __repr__(self) -> str:
        return f"<ProcessProbe of {', '.join(self._trees) or 'nothing'}>"

    def follow(self, name: str, pids: tuple[int, ...]) -> None:
        """These processes belong to a tree from now on, besides those that did: one was started again."""
        self._trees.setdefault(name, _Tree(())).add(pids)

    def sample(self) -> Mapping[str, ProcessUse]:
        """The use of each tree now; a tree without a living process is left out."""
        return {name: use for name, tree in self._trees.items() if (use := tree.look()) is not None}


class _Tree:
    def __init__(self, pids: tuple[int, ...], *, alone: bool = False) -> None:
        self._alone = alone
        self._roots = list(_processes(pids))
        self._cpu_s: dict[tuple[int, float], float] = {}

    def add(self, pids: tuple[int, ...]) -> None:
        known = {root.pid for root in self._roots if root.is_running()}
        self._roots += _processes(tuple(pid for pid in pids if pid not in known))

    def look(self) -> ProcessUse | None:
        """What the tree uses now, and the CPU time of all that ever was in it; None when nothing of it lives."""
        found = [process for root in self._roots for process in self._with_children(root)]
        memory = living = threads = 0
        descriptors: list[int | None] = []
        shared = len(found) > 1
        for process in found:
            with suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                self._cpu_s[process.pid, process.create_time()] = times.user + times.system
                if process.status() != psutil.STATUS_ZOMBIE:  # ended, only not waited for
                    memory += _memory(process, shared=shared)
                    living += 1
                    threads += process.num_threads()
                    descriptors.append(_descriptors(process))
        if not living:
            return None
        return ProcessUse(
            memory_bytes=memory,
            cpu_s=sum(self._cpu_s.values()),
            processes=living,
            descriptors=None if None in descriptors else sum(number or 0 for number in descriptors),
            threads=threads,
        )

    def _with_children(self, root: psutil.Process) -> list[psutil.Process]:
        try:
            if not root.is_running():
                return []
            return [root] if self._alone else [root, *root.children(recursive=True)]
        except psutil.Error:
            return []


def _processes(pids: tuple[int, ...]) -> Iterator[psutil.Process]:
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            yield psutil.Process(pid)


def _memory(process: psutil.Process, *, shared: bool) -> int:
    """Resident bytes; in a tree of several processes pages that they share are counted once, where the kernel tells."""
    if shared:
        with suppress(psutil.AccessDenied, AttributeError):
            return int(process.memory_full_info().pss)
    return int(process.memory_info().rss)


def _descriptors(process: psutil.Process) -> int | None:
    try:
        return int(process.num_fds())
    except (psutil.AccessDenied, AttributeError):
        return None
