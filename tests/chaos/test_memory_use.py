"""What the kernel says of the memory of a group, in files that look like its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from cgroup_lab import MEMORY, group_of, handed_down, machine

from pytest_roo_load.chaos.memory_use import MemoryUse, memory_use


def test_the_first_version(tmp_path: Path) -> None:
    group = group_of(MEMORY, machine(tmp_path, unified=False))
    group.take(7)
    made = tmp_path / "memory/app/web/roo-1-ccs-memory"
    (made / "memory.limit_in_bytes").write_text("49999872\n")
    (made / "memory.max_usage_in_bytes").write_text("12345\n")
    (made / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert memory_use(group) == MemoryUse(limit_bytes=49_999_872, peak_bytes=12_345, killed=2)


def test_the_second_version(tmp_path: Path) -> None:
    group = group_of(MEMORY, handed_down(tmp_path))
    group.take(7)
    made = tmp_path / "mount/app/roo-1-ccs-memory"
    (made / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n")
    assert memory_use(group) == MemoryUse(limit_bytes=50_000_000, peak_bytes=None, killed=1)
    (made / "memory.peak").write_text("49999872\n")
    assert memory_use(group).peak_bytes == 49_999_872


def test_a_group_that_was_never_made(tmp_path: Path) -> None:
    group = group_of(MEMORY, machine(tmp_path, unified=False))
    assert memory_use(group) == MemoryUse(limit_bytes=None, peak_bytes=None, killed=0)


@pytest.mark.parametrize(
    ("limit", "held"),
    [(50_000_000, True), (49_999_872, True), (49_990_000, False), (50_000_001, False), (None, False)],
)
def test_whole_pages_are_counted(limit: int | None, held: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert MemoryUse(limit_bytes=limit, peak_bytes=None, killed=0).is_limited_to(50_000_000) is held
