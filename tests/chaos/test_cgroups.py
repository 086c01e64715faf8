"""Where a group with a quota is made, in trees of files that look like those of the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_roo_load.chaos.cgroups import CpuGroup, cpu_hierarchy, named
from pytest_roo_load.errors import FaultError

LINE = "30 24 0:26 {root} {mount} rw,nosuid shared:4 - {kind} {kind} rw{options}\n"


def machine(folder: Path, *, unified: bool, root: str = "/", controllers: str = "cpu memory") -> Path:
    """A /proc with one hierarchy, mounted at `folder/mount`, and the process 7 in its group /app/web."""
    mount, proc = folder / "mount", folder / "proc"
    (mount / "app/web").mkdir(parents=True)
    for group in (mount, mount / "app", mount / "app/web"):
        (group / "cgroup.procs").touch()
    (mount / "cgroup.controllers").write_text(controllers)
    (proc / "self").mkdir(parents=True)
    (proc / "7").mkdir()
    kind, options = ("cgroup2", "") if unified else ("cgroup", ",cpu,cpuacct")
    other = LINE.format(root="/", mount=folder / "other", kind="tmpfs", options="")
    line = LINE.format(root=root, mount=mount, kind=kind, options=options)
    (proc / "self/mountinfo").write_text(other + line)
    path = f"{root.rstrip('/')}/app/web"
    (proc / "7/cgroup").write_text(f"5:memory:/else\n{'0:' if unified else '3:cpu,cpuacct'}:{path}\n")
    return proc


@pytest.mark.parametrize("root", ["/", "/docker/abc"])
def test_the_first_version_takes_groups_below_processes(tmp_path: Path, root: str) -> None:
    proc = machine(tmp_path, unified=False, root=root)
    group = CpuGroup(cpu_hierarchy(proc), "roo-1-ccs", 0.2, proc)
    group.take(7)
    made = tmp_path / "mount/app/web/roo-1-ccs"
    assert (made / "cpu.cfs_quota_us").read_text() == "20000"
    assert (made / "cpu.cfs_period_us").read_text() == "100000"
    assert group.members() == {7}
    assert list(named(cpu_hierarchy(proc), "roo-1-")) == [made]
    assert "20% of a core" in repr(group)
    group.empty()
    assert (tmp_path / "mount/app/web/cgroup.procs").read_text() == "7"


def test_the_second_version_takes_groups_where_the_controller_is_handed_down(tmp_path: Path) -> None:
    proc = machine(tmp_path, unified=True)
    (tmp_path / "mount/app/web/cgroup.subtree_control").write_text("memory")
    (tmp_path / "mount/app/cgroup.subtree_control").write_text("cpu memory")
    CpuGroup(cpu_hierarchy(proc), "roo-1-ccs", 0.5, proc).take(7)
    assert (tmp_path / "mount/app/roo-1-ccs/cpu.max").read_text() == "50000 100000"


def test_nobody_hands_the_controller_down(tmp_path: Path) -> None:
    proc = machine(tmp_path, unified=True)
    with pytest.raises(FaultError, match=r"not available here: no cgroup above .* hands the CPU controller down"):
        CpuGroup(cpu_hierarchy(proc), "roo-1-ccs", 0.5, proc).take(7)


def test_no_group_can_be_made(tmp_path: Path) -> None:
    proc = machine(tmp_path, unified=False)
    (tmp_path / "mount/app/web/roo-1-ccs").touch()
    with pytest.raises(FaultError, match="not available here: no cgroup can be made"):
        CpuGroup(cpu_hierarchy(proc), "roo-1-ccs", 0.5, proc).take(7)


@pytest.mark.parametrize("controllers", ["", "memory pids"])
def test_no_hierarchy_controls_the_cpu(tmp_path: Path, controllers: str) -> None:
    with pytest.raises(FaultError, match="not available here: no cgroup controls the CPU"):
        cpu_hierarchy(machine(tmp_path, unified=True, controllers=controllers))
    with pytest.raises(FaultError, match="not available here: cgroups are not to be seen"):
        cpu_hierarchy(tmp_path / "none")


def test_a_group_that_was_never_made_is_gone(tmp_path: Path) -> None:
    proc = machine(tmp_path, unified=False)
    group = CpuGroup(cpu_hierarchy(proc), "roo-1-ccs", 0.5, proc)
    group.empty()
    assert group.members() == set()
    assert group.removed()
    with pytest.raises(FaultError, match="the group of process 8 is not to be seen"):
        group.take(8)
