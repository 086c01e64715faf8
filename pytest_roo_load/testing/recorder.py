"""A recorder that keeps every sample."""

from __future__ import annotations

from typing import Any

from pytest_roo_load.core.recording import ErrorCount
from pytest_roo_load.engine.recorder import MAX_NAMES, OTHER

__all__ = ["FakeRecorder", "FakeSlot"]


class FakeSlot:
    """A `core.ports.Slot` whose samples stay.

    Attributes:
        started: How many operations were begun.
        ok: Seconds that each successful one took.
        failed: Seconds that each failed one took.
        errors: Kind → how many there were (`count`) and the text of the first (`exemplar`).
    """

    def __init__(self) -> None:
        self.started = 0
        self.ok: list[float] = []
        self.failed: list[float] = []
        self.errors: dict[str, ErrorCount] = {}

    def __repr__(self) -> str:
        return f"<FakeSlot {self.started} started, {len(self.ok)} ok, {len(self.failed)} failed>"

    @property
    def interrupted(self) -> int:
        """How many were begun and have no outcome."""
        return self.started - len(self.ok) - len(self.failed)

    def fail(self, latency_s: float, kind: str, exemplar: str) -> None:
        """Count a failure; the first exemplar of each kind is kept."""
        self.failed.append(latency_s)
        self.errors.setdefault(kind, ErrorCount(exemplar=exemplar)).count += 1


class FakeRecorder:
    """A `core.ports.Recorder` without phases: what it was told is what it shows.

    Attributes:
        operations: Name → slot. There are 200 at most; operations of other names share the slot "(other)".
        groups: The same for groups.
        checks: Name → how often the check held and how often it did not.
        values: Name → what the journey sent back, in order.
    """

    def __init__(self) -> None:
        self.operations: dict[str, FakeSlot] = {}
        self.groups: dict[str, FakeSlot] = {}
        self.checks: dict[str, tuple[int, int]] = {}
        self.values: dict[str, list[Any]] = {}

    def __repr__(self) -> str:
        return f"<FakeRecorder of {', '.join(self.operations) or 'nothing yet'}>"

    def slot(self, name: str) -> FakeSlot:
        """The slot of an operation."""
        return _slot(self.operations, name)

    def group_slot(self, name: str) -> FakeSlot:
        """The slot of a group."""
        return _slot(self.groups, name)

    def check(self, name: str, held: bool) -> None:  # noqa: FBT001 - the outcome is what is recorded
        """Count the outcome of a check."""
        good, bad = self.checks.get(name, (0, 0))
        self.checks[name] = good + held, bad + (not held)

    def value(self, name: str, value: Any) -> None:
        """Keep a value."""
        self.values.setdefault(name, []).append(value)


def _slot(slots: dict[str, FakeSlot], name: str) -> FakeSlot:
    return slots.setdefault(name if name in slots or len(slots) < MAX_NAMES else OTHER, FakeSlot())
