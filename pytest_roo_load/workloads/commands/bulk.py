"""A bulk of commands, and what one device sees of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from pytest_roo_load.clients.ccs.commands import command_body
from pytest_roo_load.clients.ccs.device import Task

__all__ = ["Bulk"]

_PRIORITIES = range(5)
_OF_DEVICE, _OF_SERVER = "device_sync", "system_cleanup"


@dataclass(slots=True, kw_only=True)
class Bulk:
    """Commands that were queued together, and those of them that have come to the device.

    Attributes:
        bodies: As they are sent.
        expected: Key → its place in the order in which they have to come: higher priority first, then first come.
        came: Keys in the order in which they came for the first time.
        again: How often one came again, as it may after a crash.
        strange: Keys that came and are of no command of this bulk.
    """

    bodies: list[dict[str, Any]]
    expected: dict[str, int]
    came: list[str] = field(default_factory=list)
    again: int = 0
    strange: int = 0
    _known: set[str] = field(default_factory=set)

    @classmethod
    def made(cls, prefix: str, size: int, *, device: str, by_server: float, draw: random.Random) -> Bulk:
        """Commands of mixed priorities for a device, and some for the server."""
        bodies, ranked = [], []
        for place in range(size):
            key, priority = f"{prefix}{place}", draw.choice(_PRIORITIES)
            fields = {"priority": priority, "payload": {"place": place}, "idempotency_key": key}
            if draw.random() < by_server:
                bodies.append(command_body(_OF_SERVER, (), fields))
            else:
                bodies.append(command_body(_OF_DEVICE, (device,), fields))
                ranked.append((-priority, place, key))
        return cls(bodies=bodies, expected={key: rank for rank, (*_, key) in enumerate(sorted(ranked))})

    def see(self, task: Task) -> None:
        """A command has come to the device."""
        if task.key not in self.expected:
            self.strange += 1
        elif task.key in self._known:
            self.again += 1
        else:
            self.came.append(task.key)
            self._known.add(task.key)

    @property
    def is_complete(self) -> bool:
        """Whether all have come."""
        return len(self.came) == len(self.expected)

    def late(self) -> int:
        """How many came after one that they should have come before."""
        highest, late = -1, 0
        for key in self.came:
            late += self.expected[key] < highest
            highest = max(highest, self.expected[key])
        return late
