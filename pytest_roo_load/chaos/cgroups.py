"""Groups of processes that get no more than a quota of the CPU from the kernel: cgroups, version 1 or 2."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_roo_load.errors import FaultError

__all__ = ["CpuGroup", "Hierarchy", "cpu_hierarchy", "named"]

PERIOD_US = 100_000
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """The tree of groups that has the CPU controller.

    Attributes:
        mount: Where it is mounted.
        root: Which of its groups is there, as the paths of processes have it.
        unified: Whether it is version 2.
    """

    mount: Path
    root: str
    unified: bool

    def home_of(self, pid: int, proc: Path = _PROC) -> Path:
        """The group that a process is in.

        Raises:
            FaultError: It has ended, or is in a group that is not to be seen from here.
        """
        try:
            lines = (proc / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise FaultError(f"the group of process {pid} is not to be seen: {error}") from error
        for _, controllers, path in (line.split(":", 2) for line in lines):
            if not controllers if self.unified else "cpu" in controllers.split(","):
                return self.mount / path.removeprefix(self.root.rstrip("/")).lstrip("/")
        raise FaultError(f"process {pid} is in no group of {self.mount}")


def cpu_hierarchy(proc: Path = _PROC) -> Hierarchy:
    """Where groups with a quota of the CPU can be made.

    Raises:
        FaultError: Nowhere.
    """
    try:
        lines = (proc / "self" / "mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise FaultError(f"not available here: cgroups are not to be seen: {error}") from error
    for line in lines:
        mounted, _, system = line.partition(" - ")
        root, mount = mounted.split()[3:5]
        kind, _, options = system.split()[:3]
        if kind == "cgroup" and "cpu" in options.split(","):
            return Hierarchy(mount=Path(mount), root=root, unified=False)
        if kind == "cgroup2" and _has_cpu(Path(mount) / "cgroup.controllers"):
            return Hierarchy(mount=Path(mount), root=root, unified=True)
    raise FaultError("not available here: no cgroup controls the CPU")


def _has_cpu(file: Path) -> bool:
    try:
        return "cpu" in file.read_text(encoding="ascii").split()
    except OSError:
        return False


def named(hierarchy: Hierarchy, prefix: str) -> Iterator[Path]:
    """All groups whose names begin like this."""
    for folder, names, _ in os.walk(hierarchy.mount):
        yield from (Path(folder, name) for name in names if name.startswith(prefix))


class CpuGroup:
    """A group with a quota, below that of the process that is put into it first.

    Args:
        name: Of the group, unlike that of any other.
        share: CPU time of all processes together over wall time.
    """

    def __init__(self, hierarchy: Hierarchy, name: str, share: float, proc: Path = _PROC) -> None:
        self._hierarchy = hierarchy
        self._name = name
        self._share = share
        self._proc = proc
        self._path: Path | None = None
        self._homes: dict[int, Path] = {}

    def __repr__(self) -> str:
        return f"<CpuGroup {self._path or self._name}: {self._share:.0%} of a core>"

    def take(self, pid: int) -> None:
        """Put a process into it; its children of later come of themselves. One that has ended meanwhile is no error.

        Raises:
            FaultError: The kernel, or our rights, do not allow it.
        """
        with suppress(ProcessLookupError):
            self._homes.setdefault(pid, self._hierarchy.home_of(pid, self._proc))
            self._write((self._path or self._made(self._homes[pid])) / "cgroup.procs", str(pid))

    def members(self) -> set[int]:
        """Who is in it now."""
        if self._path is None:
            return set()
        return {int(pid) for pid in (self._path / "cgroup.procs").read_text(encoding="ascii").split()}

    def empty(self) -> None:
        """Put every process back where it was, and children of later where the first one was.

        Raises:
            FaultError: The kernel does not allow it.
        """
        first = next(iter(self._homes.values()), self._hierarchy.mount)
        for pid in self.members():
            with suppress(ProcessLookupError):
                self._write(self._homes.get(pid, first) / "cgroup.procs", str(pid))

    def removed(self) -> bool:
        """Remove the group; false while somebody is still in it."""
        try:
            if self._path is not None:
                self._path.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        self._path = None
        return True

    def _made(self, home: Path) -> Path:
        path = self._parent(home) / self._name
        try:
            path.mkdir()
        except OSError as error:
            raise FaultError(f"not available here: no cgroup can be made: {error}") from error
        self._path = path
        quota = max(1000, round(self._share * PERIOD_US))  # the kernel's least
        if self._hierarchy.unified:
            self._write(path / "cpu.max", f"{quota} {PERIOD_US}")
        else:
            self._write(path / "cpu.cfs_period_us", str(PERIOD_US))
            self._write(path / "cpu.cfs_quota_us", str(quota))
        return path

    def _parent(self, home: Path) -> Path:
        """Version 2 has processes in leaves alone, so there it is the nearest above that hands the controller down."""
        if not self._hierarchy.unified:
            return home
        for group in (home, *home.parents):
            if _has_cpu(group / "cgroup.subtree_control"):
                return group
            if group == self._hierarchy.mount:
                break
        raise FaultError(f"not available here: no cgroup above {home} hands the CPU controller down")

    def _write(self, file: Path, text: str) -> None:
        try:
            file.write_text(text, encoding="ascii")
        except ProcessLookupError:
            raise
        except OSError as error:
            raise FaultError(f"not available here: {file} was not to be written: {error}") from error
