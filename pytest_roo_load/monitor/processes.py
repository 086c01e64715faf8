"""Memory and CPU of process trees, read from the operating system with psutil."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

from pytest_roo_load.core.timeline import ProcessUse
from pytest_roo_load.monitor.descriptors import connections_of, descriptors_of
from pytest_roo_load.monitor.ration import Ration
from pytest_roo_load.tracing.tasks import TaskCount

__all__ = ["ProcessProbe"]

_PAGES_SHARE = 0.005  # reading holds a lock of the process: it cannot map memory meanwhile
_SOCKETS_SHARE = 0.02


class ProcessProbe:
    """Looks at named process trees.

    CPU time never goes back: what a process had used when it was last seen stays in its tree's sum after it has ended.
    What a child that came and went between two looks used is missed.

    Unique memory and connections are None at looks that would take too much time: where there is one a second, a lone
    process of 1 GB is asked for the one, and a tree with 10,000 sockets for the other, at every second or third look.

    Args:
        trees: Name → the processes at the roots of the tree; their children are found at each look.
        alone: Names of trees whose roots alone are looked at, because they start what has nothing to do with them.
        tasks: Whether to ask how many asyncio tasks there are; `tracing` starts programs that can be asked.
    """

    def __init__(
        self, trees: Mapping[str, tuple[int, ...]], alone: Collection[str] = (), *, tasks: bool = False
    ) -> None:
        self._tasks = tasks
        self._trees = {name: _Tree(pids, alone=name in alone, tasks=tasks) for name, pids in trees.items() if pids}

    def __repr__(self) -> str:
        return f"<ProcessProbe of {', '.join(self._trees) or 'nothing'}>"

    def follow(self, name: str, pids: tuple[int, ...]) -> None:
        """These processes belong to a tree from now on, besides those that did: one was started again."""
        self._trees.setdefault(name, _Tree((), tasks=self._tasks)).add(pids)

    def sample(self) -> Mapping[str, ProcessUse]:
        """The use of each tree now; a tree without a living process is left out."""
        return {name: use for name, tree in self._trees.items() if (use := tree.look()) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What one living process uses."""

    process: psutil.Process
    memory_bytes: int
    unique_bytes: int | None
    descriptors: int | None
    threads: int


class _Tree:
    def __init__(self, pids: tuple[int, ...], *, alone: bool = False, tasks: bool = False) -> None:
        self._alone = alone
        self._tasks = tasks
        self._roots = list(_processes(pids))
        self._cpu_s: dict[tuple[int, float], float] = {}
        self._pages = Ration(_PAGES_SHARE)
        self._sockets = Ration(_SOCKETS_SHARE)

    def add(self, pids: tuple[int, ...]) -> None:
        known = {root.pid for root in self._roots if root.is_running()}
        self._roots += _processes(tuple(pid for pid in pids if pid not in known))

    def look(self) -> ProcessUse | None:
        """What the tree uses now, and the CPU time of all that ever was in it; None when nothing of it lives."""
        found = [process for root in self._roots for process in self._with_children(root)]
        shared = len(found) > 1
        tasks = TaskCount(found) if self._tasks else None
        seen = [one for process in found if (one := self._seen(process, shared=shared)) is not None]
        counted = None if tasks is None else tasks.result()
        if not seen:
            return None
        return ProcessUse(
            memory_bytes=sum(one.memory_bytes for one in seen),
            cpu_s=sum(self._cpu_s.values()),
            processes=len(seen),
            descriptors=_sum(one.descriptors for one in seen),
            threads=sum(one.threads for one in seen),
            unique_bytes=_sum(one.unique_bytes for one in seen),
            connections=self._connections(seen),
            tasks=counted,
            ended=sum(map(_has_ended, self._roots)),
        )

    def _seen(self, process: psutil.Process, *, shared: bool) -> _Seen | None:
        """None for one that has ended, also if nobody has waited for it yet."""
        with suppress(psutil.Error), process.oneshot():
            times = process.cpu_times()
            self._cpu_s[process.pid, process.create_time()] = times.user + times.system
            if process.status() != psutil.STATUS_ZOMBIE:
                memory_bytes, unique_bytes = self._memory(process, shared=shared)
                return _Seen(
                    process=process,
                    memory_bytes=memory_bytes,
                    unique_bytes=unique_bytes,
                    descriptors=descriptors_of(process),
                    threads=process.num_threads(),
                )
        return None

    def _memory(self, process: psutil.Process, *, shared: bool) -> tuple[int, int | None]:
        """Resident and unique bytes; in a tree of several processes pages that they share are counted once.

        The kernel goes through all pages for it, which takes some 8 ms for 1 GB, so one process alone is not asked at
        each look.
        """
        if shared:
            return _pages(process)
        resident = int(process.memory_info().rss)
        if not self._pages.due:
            return resident, None
        with self._pages.spending():
            return resident, _pages(process)[1]

    def _connections(self, seen: Iterable[_Seen]) -> int | None:
        if not self._sockets.due:
            return None
        with self._sockets.spending():
            return _sum([connections_of(one.process) for one in seen])

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


def _has_ended(process: psutil.Process) -> bool:
    """Also if nobody has waited for it yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def _pages(process: psutil.Process) -> tuple[int, int | None]:
    """Proportional and unique bytes; resident ones and None where the kernel does not tell."""
    with suppress(psutil.AccessDenied, AttributeError):
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss)), int(full.uss)
    return int(process.memory_info().rss), None


def _sum(numbers: Iterable[int | None]) -> int | None:
    """None unless all are known."""
    known = list(numbers)
    return None if None in known else sum(number or 0 for number in known)
