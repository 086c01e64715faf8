"""Where a group with bounds is made, in trees of files that look like those of the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from cgroup_lab import CPU, MEGABYTES_50, MEMORY, group_of, handed_down, lives_in, machine

from pytest_roo_load.chaos.bounds import Bounds, cpu_bounds
from pytest_roo_load.chaos.cgroups import hierarchy_of, named
from pytest_roo_load.errors import FaultError


@pytest.mark.parametrize("root", ["/", "/docker/abc"])
def test_the_first_version_takes_groups_below_processes(tmp_path: Path, root: str) -> None:
    proc = machine(tmp_path, unified=False, root=root)
    group = group_of(CPU, proc)
    group.take(7)
    made = tmp_path / "mount/app/web/roo-1-ccs-cpu"
    assert (made / "cpu.cfs_quota_us").read_text() == "20000"
    assert (made / "cpu.cfs_period_us").read_text() == "100000"
    assert group.members() == {7}
    assert list(named(hierarchy_of("cpu", proc), "roo-1-")) == [made]
    assert "20% of a core" in repr(group)
    group.empty()
    assert (tmp_path / "mount/app/web/cgroup.procs").read_text() == "7"


def test_a_limit_of_memory_in_the_first_version(tmp_path: Path) -> None:
    proc = machine(tmp_path, unified=False)
    group = group_of(MEMORY, proc)
    group.take(7)
    made = tmp_path / "memory/app/web/roo-1-ccs-memory"
    assert (made / "memory.limit_in_bytes").read_text() == MEGABYTES_50
    assert (made / "memory.oom_control").read_text() == "0"
    assert not (made / "memory.memsw.limit_in_bytes").exists(), "a kernel without accounts of swap has no such file"
    assert "50 MB" in repr(group)


def test_the_second_version_takes_groups_where_the_controller_is_handed_down(tmp_path: Path) -> None:
    proc = handed_down(tmp_path)
    (tmp_path / "mount/app/web/cgroup.subtree_control").write_text("memory")
    group_of(cpu_bounds(0.5), proc).take(7)
    assert (tmp_path / "mount/app/roo-1-ccs-cpu/cpu.max").read_text() == "50000 100000"


def test_a_limit_of_memory_in_the_second_version(tmp_path: Path) -> None:
    proc = handed_down(tmp_path)
    group = group_of(MEMORY, proc)
    group.take(7)
    made = tmp_path / "mount/app/roo-1-ccs-memory"
    assert (made / "memory.max").read_text() == MEGABYTES_50
    assert group.read("memory.max") == MEGABYTES_50
    assert group.read("memory.peak") == ""


def test_no_swap_where_that_can_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mkdir(path: Path) -> None:
        real_mkdir(path)
        if path.name == "roo-1-ccs-memory":
            for name in ("memory.swap.max", "memory.memsw.limit_in_bytes"):
                (path / name).touch()

    real_mkdir = Path.mkdir
    first, second = machine(tmp_path / "1", unified=False), handed_down(tmp_path / "2")
    monkeypatch.setattr(Path, "mkdir", mkdir)
    group_of(MEMORY, first).take(7)
    group_of(MEMORY, second).take(7)
    monkeypatch.undo()
    assert (tmp_path / "1/memory/app/web/roo-1-ccs-memory/memory.memsw.limit_in_bytes").read_text() == MEGABYTES_50
    assert (tmp_path / "2/mount/app/roo-1-ccs-memory/memory.swap.max").read_text() == "0"


def test_two_groups_at_once_where_each_controller_has_its_tree(tmp_path: Path) -> None:
    proc = machine(tmp_path, unified=False)
    group_of(CPU, proc).take(7)
    lives_in(proc, 7, "/app/web", cpu_path="/app/web/roo-1-ccs-cpu", unified=False)
    memory = group_of(MEMORY, proc)
    memory.take(7)
    assert memory.members() == {7}
    with pytest.raises(
        FaultError, match=r"process 7 is in the group roo-1-ccs-cpu of another fault, and can be in one only$"
    ):
        group_of(CPU, proc).take(7)


def test_one_group_only_where_there_is_one_tree(tmp_path: Path) -> None:
    proc = handed_down(tmp_path)
    group_of(CPU, proc).take(7)
    lives_in(proc, 7, "/app/roo-1-ccs-cpu", unified=True)
    memory = group_of(MEMORY, proc)
    with pytest.raises(
        FaultError, match=r"not available here: process 7 is in the group roo-1-ccs-cpu .* one tree for all"
    ):
        memory.take(7)
    assert (tmp_path / "mount/app/roo-1-ccs-cpu/cgroup.procs").read_text() == "7", "it has its quota still"
    assert memory.removed()
    assert not (tmp_path / "mount/app/roo-1-ccs-memory").exists()


def test_a_child_that_was_born_in_a_group_goes_home_with_its_parent(tmp_path: Path) -> None:
    proc = machine(tmp_path, unified=False)
    group = group_of(MEMORY, proc)
    group.take(7)
    made = tmp_path / "memory/app/web/roo-1-ccs-memory"
    lives_in(proc, 8, "/app/web/roo-1-ccs-memory", unified=False)
    group.take(8)
    assert (made / "cgroup.procs").read_text() == "7", "it was there by itself"
    (made / "cgroup.procs").write_text("8")
    group.empty()
    assert (tmp_path / "memory/app/web/cgroup.procs").read_text() == "8"


@pytest.mark.parametrize("bounds", [CPU, MEMORY])
def test_nobody_hands_the_controller_down(tmp_path: Path, bounds: Bounds) -> None:
    proc = machine(tmp_path, unified=True)
    with pytest.raises(
        FaultError, match=rf"not available here: no cgroup .* hands the controller '{bounds.controller}'"
    ):
        group_of(bounds, proc).take(7)


def test_no_group_can_be_made(tmp_path: Path) -> None:
    proc = machine(tmp_path, unified=False)
    (tmp_path / "mount/app/web/roo-1-ccs-cpu").touch()
    with pytest.raises(FaultError, match="not available here: no cgroup can be made"):
        group_of(CPU, proc).take(7)


@pytest.mark.parametrize(("bounds", "controllers"), [(CPU, ""), (CPU, "memory pids"), (MEMORY, "cpu pids")])
def test_no_hierarchy_has_the_controller(tmp_path: Path, bounds: Bounds, controllers: str) -> None:
    proc = machine(tmp_path, unified=True, controllers=controllers)
    with pytest.raises(FaultError, match=f"not available here: no cgroup has the controller '{bounds.controller}'"):
        hierarchy_of(bounds.controller, proc)
    with pytest.raises(FaultError, match="not available here: cgroups are not to be seen"):
        hierarchy_of(bounds.controller, tmp_path / "none")


def test_a_group_that_was_never_made_is_gone(tmp_path: Path) -> None:
    proc = machine(tmp_path, unified=False)
    group = group_of(CPU, proc)
    group.empty()
    assert group.members() == set()
    assert group.removed()
    group.take(8)  # it has ended
    assert group.members() == set()
    (proc / "9/cgroup").mkdir(parents=True)
    with pytest.raises(FaultError, match="the group of process 9 is not to be seen"):
        group.take(9)
