"""Trees of files that look like those of the kernel, in which groups of processes are made."""

from __future__ import annotations

from pathlib import Path

from pytest_roo_load.chaos.bounds import Bounds, cpu_bounds, memory_bounds
from pytest_roo_load.chaos.cgroups import Group, hierarchy_of

LINE = "30 24 0:26 {root} {mount} rw,nosuid shared:4 - {kind} {kind} rw{options}\n"
CPU, MEMORY = cpu_bounds(0.2), memory_bounds(50_000_000)
MEGABYTES_50 = "50000000"


def machine(folder: Path, *, unified: bool, root: str = "/", controllers: str = "cpu memory") -> Path:
    """A /proc with the process 7 in the group /app/web, in one tree at `folder/mount` or one for each controller."""
    proc = folder / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "7").mkdir()
    trees = (
        {"mount": ("cgroup2", "")}
        if unified
        else {"mount": ("cgroup", ",cpu,cpuacct"), "memory": ("cgroup", ",memory")}
    )
    lines = LINE.format(root="/", mount=folder / "other", kind="tmpfs", options="")
    for name, (kind, options) in trees.items():
        (folder / name / "app/web").mkdir(parents=True)
        for group in (folder / name, folder / name / "app", folder / name / "app/web"):
            (group / "cgroup.procs").touch()
        lines += LINE.format(root=root, mount=folder / name, kind=kind, options=options)
    (folder / "mount/cgroup.controllers").write_text(controllers)
    (proc / "self/mountinfo").write_text(lines)
    lives_in(proc, 7, f"{root.rstrip('/')}/app/web", unified=unified)
    return proc


def lives_in(proc: Path, pid: int, path: str, *, unified: bool, cpu_path: str = "") -> None:
    (proc / str(pid)).mkdir(exist_ok=True)
    first = f"5:memory:{path}\n3:cpu,cpuacct:{cpu_path or path}\n"
    (proc / str(pid) / "cgroup").write_text(f"0::{path}\n" if unified else first)


def handed_down(folder: Path) -> Path:
    """A machine of version 2 whose group /app hands both controllers down."""
    proc = machine(folder, unified=True)
    (folder / "mount/app/cgroup.subtree_control").write_text("cpu memory")
    return proc


def group_of(bounds: Bounds, proc: Path) -> Group:
    return Group(hierarchy_of(bounds.controller, proc), bounds, run="roo-1", of="ccs", proc=proc)
