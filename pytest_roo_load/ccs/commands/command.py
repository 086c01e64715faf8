"""What a command is: types, priorities, patience, and how it ends. No input or output."""

from __future__ import annotations

from dataclasses import dataclass, field

TYPES = (
    "file_sync",
    "file_upload",
    "file_download",
    "file_delete",
    "device_handoff",
    "device_sync",
    "device_status",
    "message_send",
    "message_broadcast",
    "notification_send",
    "system_backup",
    "system_restore",
    "system_cleanup",
    "custom",
)
# What only a device can do. Everything else without a target is done by the server.
DEVICE_ONLY = frozenset({"file_upload", "file_download", "file_delete", "device_handoff", "message_send"})
PRIORITIES = range(5)
DEFAULT_PRIORITY = 1
STATES = ("queued", "routing", "executing", "completed", "failed", "cancelled", "timeout")
SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an attempt may take, how often a failed one is repeated, and after which pause (doubled each time)."""

    timeout_s: float = 30.0
    retries: int = 3
    retry_delay_s: float = 1.0

    def pause_s(self, attempt: int) -> float | None:
        """Return how long to wait after the ``attempt``-th attempt (from 1) has failed; None when it was the last."""
        return None if attempt > self.retries else self.retry_delay_s * 2.0 ** (attempt - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A command that this worker has to have executed; ``payload`` and ``config`` are JSON text.

    ``executors`` are those that have not done it yet: devices, or SERVER.
    """

    id: str
    user_id: str
    type: str
    priority: int
    sequence: int
    attempt: int
    idempotency_key: str
    executors: tuple[str, ...]
    payload: str = "{}"
    config: str = "{}"
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one executor has done; ``result`` is JSON text."""

    executor: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What becomes of a claimed command: another ``state``, and the effects to be recorded with it.

    ``queued`` puts it back at its old place in the order, to be claimed again after ``delay_s``.
    """

    command_id: str
    state: str
    attempts: int
    error: str | None = None
    delay_s: float = 0.0
    acknowledged: bool = False
    effects: tuple[Effect, ...] = ()
