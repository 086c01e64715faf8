"""Groups of processes that the kernel keeps within bounds: cgroups, version 1 or 2."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_roo_load.chaos.bounds import Bounds
from pytest_roo_load.errors import FaultError

__all__ = ["Group", "Hierarchy", "hierarchy_of", "named"]

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """The tree of groups that has a controller.

    Attributes:
        controller: Its name in the kernel's lists: "cpu", "memory".
        mount: Where it is mounted.
        root: Which of its groups is there, as the paths of processes have it.
        unified: Whether it is version 2.
    """

    controller: str
    mount: Path
    root: str
    unified: bool

    def home_of(self, pid: int, proc: Path = _PROC) -> Path:
        """The group that a process is in.

        Raises:
            ProcessLookupError: It has ended.
            FaultError: It is in a group that is not to be seen from here.
        """
        try:
            lines = (proc / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError as error:
            raise ProcessLookupError(f"process {pid} has ended") from error
        except ProcessLookupError:
            raise
        except OSError as error:
            raise FaultError(f"the group of process {pid} is not to be seen: {error}") from error
        for _, controllers, path in (line.split(":", 2) for line in lines):
            if not controllers if self.unified else self.controller in controllers.split(","):
                return self.mount / path.removeprefix(self.root.rstrip("/")).lstrip("/")
        raise FaultError(f"process {pid} is in no group of {self.mount}")


def hierarchy_of(controller: str, proc: Path = _PROC) -> Hierarchy:
    """Where groups with a controller can be made.

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
        if kind == "cgroup" and controller in options.split(","):
            return Hierarchy(controller=controller, mount=Path(mount), root=root, unified=False)
        if kind == "cgroup2" and _lists(Path(mount) / "cgroup.controllers", controller):
            return Hierarchy(controller=controller, mount=Path(mount), root=root, unified=True)
    raise FaultError(f"not available here: no cgroup has the controller {controller!r}")


def _lists(file: Path, controller: str) -> bool:
    try:
        return controller in file.read_text(encoding="ascii").split()
    except OSError:
        return False


def named(hierarchy: Hierarchy, prefix: str) -> Iterator[Path]:
    """All groups whose names begin like this."""
    for folder, names, _ in os.walk(hierarchy.mount):
        yield from (Path(folder, name) for name in names if name.startswith(prefix))


class Group:
    """A group with bounds, below that of the process that is put into it first.

    Args:
        hierarchy: Has the controller of the bounds.
        bounds: Of all processes in it together.
        run: What the names of all groups of the run begin with.
        of: Whose processes are put into it.
    """

    def __init__(self, hierarchy: Hierarchy, bounds: Bounds, *, run: str, of: str, proc: Path = _PROC) -> None:
        self.hierarchy = hierarchy
        self._bounds = bounds
        self._run = run
        self._name = f"{run}-{of}-{bounds.controller}"
        self._proc = proc
        self._path: Path | None = None
        self._homes: dict[int, Path] = {}

    def __repr__(self) -> str:
        return f"<Group {self._path or self._name}: {self._bounds.text}>"

    def take(self, pid: int) -> None:
        """Put a process into it; its children of later come of themselves. One that has ended meanwhile is no error.

        Raises:
            FaultError: The kernel, or our rights, do not allow it, or another fault has put it into a group.
        """
        with suppress(ProcessLookupError):
            home = self.hierarchy.home_of(pid, self._proc)
            if home == self._path:  # born in it
                return
            self._refuse_if_taken(pid, home)
            self._homes.setdefault(pid, home)
            self._write((self._path or self._made(home)) / "cgroup.procs", str(pid))

    def members(self) -> set[int]:
        """Who is in it now."""
        return set(map(int, self.read("cgroup.procs").split()))

    def read(self, name: str) -> str:
        """What one of its files says; nothing where there is no such file."""
        if self._path is None:
            return ""
        try:
            return (self._path / name).read_text(encoding="ascii")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise FaultError(f"{self._path / name} was not to be read: {error}") from error

    def empty(self) -> None:
        """Put every process back where it was, and children of later where the first one was.

        Raises:
            FaultError: The kernel does not allow it.
        """
        first = next(iter(self._homes.values()), self.hierarchy.mount)
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

    def _refuse_if_taken(self, pid: int, home: Path) -> None:
        """A process has one place in a tree: to move it on would free it from the bounds that it has there.

        Version 2 has one tree for all controllers, version 1 mostly one for each.
        """
        if taken := next((part for part in home.parts if part.startswith(f"{self._run}-")), None):
            raise FaultError(
                f"not available here: process {pid} is in the group {taken} of another fault, and can be in one only"
                f"{', for version 2 of cgroups has one tree for all' if self.hierarchy.unified else ''}"
            )

    def _made(self, home: Path) -> Path:
        path = self._parent(home) / self._name
        try:
            path.mkdir()
        except OSError as error:
            raise FaultError(f"not available here: no cgroup can be made: {error}") from error
        self._path = path
        for name, text in self._bounds.second if self.hierarchy.unified else self._bounds.first:
            if name not in self._bounds.optional or (path / name).exists():
                self._write(path / name, text)
        return path

    def _parent(self, home: Path) -> Path:
        """Version 2 has processes in leaves alone, so there it is the nearest above that hands the controller down."""
        if not self.hierarchy.unified:
            return home
        controller = self.hierarchy.controller
        for group in (home, *home.parents):
            if _lists(group / "cgroup.subtree_control", controller):
                return group
            if group == self.hierarchy.mount:
                break
        raise FaultError(f"not available here: no cgroup above {home} hands the controller {controller!r} down")

    def _write(self, file: Path, text: str) -> None:
        try:
            file.write_text(text, encoding="ascii")
        except ProcessLookupError:
            raise
        except OSError as error:
            raise FaultError(f"not available here: {file} was not to be written: {error}") from error
