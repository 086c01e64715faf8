"""The queue of one user as its worker sees it: what runs, who has answered, what is overdue. No input or output.

Times are seconds of the event loop's clock, passed in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from pytest_roo_load.ccs.commands.command import Claimed, Effect, Outcome

# A lane is kept so long after its last command: the user's next one needs no new worker.
LINGER_S = 5.0
# A device that has connected is announced; should the announcement be lost, it is tried again after this.
RETRY_OFFLINE_S = 2.0


@dataclass(slots=True, kw_only=True)
class Running:
    """A command on its way: whose answers are awaited, and until when."""

    command: Claimed
    awaited: set[str]
    deadline: float
    acknowledged: bool = False
    effects: list[Effect] = field(default_factory=list)


class Lane:
    """One user's commands, at most ``limit`` at a time; valid while PostgreSQL has its ``fence``."""

    def __init__(self, user_id: str, fence: int, *, limit: int) -> None:
        self.user_id = user_id
        self.fence = fence
        self.limit = limit
        self.running: dict[str, Running] = {}
        self.offline: set[str] = set()
        self.tickets: list[bytes] = []
        # When the queue is to be looked at again; at once at first, never while nothing is known to be there.
        self.look_at = -math.inf
        # Whether something went back to the queue since it was last asked: its answer may have what comes after that.
        self.disturbed = False
        self._idle_since = math.inf
        self._try_offline_at = math.inf

    def __repr__(self) -> str:
        return f"<Lane of {self.user_id}, fence {self.fence}: {len(self.running)} of {self.limit} run>"

    def ask(self, now: float) -> int:
        """Return how many commands are to be claimed now; `answered` takes the answer, `wake` says there was none."""
        wanted = self.limit - len(self.running)
        if self.look_at > now or not wanted:
            return 0
        if self._try_offline_at <= now:
            self.offline.clear()
            self._try_offline_at = math.inf
        self.look_at = self._try_offline_at
        self.disturbed = False
        return wanted

    def wake(self) -> None:
        """Have the queue looked at again: something was put there."""
        self.look_at = -math.inf

    def start(self, command: Claimed, now: float) -> Outcome | None:
        """Begin to wait for a claimed command's executors; one that has nobody left to wait for ends at once."""
        deadline = now + command.patience.timeout_s
        running = Running(command=command, awaited=set(command.executors), deadline=deadline)
        self.running[command.id] = running
        return None if running.awaited else self._end(running, "completed")

    def acknowledge(self, command_id: str) -> Outcome | None:
        """An executor has accepted a command: it executes. None when that is known or of no interest."""
        running = self.running.get(command_id)
        if running is None or running.acknowledged:
            return None
        running.acknowledged = True
        return Outcome(command_id=command_id, state="executing", attempts=running.command.attempt, acknowledged=True)

    def complete(self, command_id: str, effect: Effect) -> Outcome | None:
        """An executor has done a command; return how it ends when that was the last one."""
        running = self.running.get(command_id)
        if running is None or effect.executor not in running.awaited:
            return None
        running.awaited.discard(effect.executor)
        running.effects.append(effect)
        return None if running.awaited else self._end(running, "completed")

    def fail(self, command_id: str, error: str, now: float, *, state: str = "failed") -> Outcome | None:
        """An executor could not do a command: it is repeated after a pause, or ends in ``state``."""
        running = self.running.get(command_id)
        if running is None:
            return None
        pause_s = running.command.patience.pause_s(running.command.attempt)
        if pause_s is None:
            return self._end(running, state, error=error)
        self.look_at = min(self.look_at, now + pause_s)
        return self._end(running, "queued", error=error, delay_s=pause_s)

    def expire(self, now: float) -> list[Outcome]:
        """Fail what is past its deadline."""
        overdue = [command_id for command_id, running in self.running.items() if running.deadline <= now]
        outcomes = [self.fail(command_id, "no result in time", now, state="timeout") for command_id in overdue]
        return [outcome for outcome in outcomes if outcome is not None]

    def drop(self, command_id: str) -> None:
        """Forget a command that was cancelled."""
        self.running.pop(command_id, None)

    def gone(self, device_id: str, now: float) -> list[Outcome]:
        """A device cannot be reached: its commands wait in the queue, and no attempt is counted."""
        self.offline.add(device_id)
        self._try_offline_at = now + RETRY_OFFLINE_S
        self.look_at = min(self.look_at, self._try_offline_at)
        return self._put_back(device_id)

    def back(self, device_id: str) -> list[Outcome]:
        """A device has connected anew: what the old connection was sent is sent again."""
        self.offline.discard(device_id)
        self.wake()
        return self._put_back(device_id)

    def awaits(self, command: Claimed, device_id: str) -> bool:
        """Tell whether a command is on its way, as it was claimed, and a device has not done it yet."""
        running = self.running.get(command.id)
        return running is not None and running.command is command and device_id in running.awaited

    def put_back(self, commands: Iterable[Claimed]) -> list[Outcome]:
        """Return to the queue what was claimed and has not been sent."""
        self.wake()
        return [self._return(running) for command in commands if (running := self.running.get(command.id))]

    def answered(self, *, full: bool, again_at: float = math.inf) -> None:
        """Take note that the queue gave as many commands as it was asked for, or has no more before ``again_at``."""
        self.look_at = -math.inf if full else min(self.look_at, again_at)

    def idle(self, now: float) -> bool:
        """Tell whether nothing has run and nothing was waiting for LINGER_S."""
        if self.running or self.offline or self.look_at < math.inf:
            self._idle_since = math.inf
        else:
            self._idle_since = min(self._idle_since, now)
        return now - self._idle_since >= LINGER_S

    def _put_back(self, device_id: str) -> list[Outcome]:
        held = [running for running in self.running.values() if device_id in running.awaited]
        return [self._return(running) for running in held]

    def _return(self, running: Running) -> Outcome:
        self.disturbed = True
        return self._end(running, "queued", attempts=running.command.attempt - 1)

    def _end(
        self, running: Running, state: str, *, error: str | None = None, delay_s: float = 0, attempts: int | None = None
    ) -> Outcome:
        del self.running[running.command.id]
        return Outcome(
            command_id=running.command.id,
            state=state,
            attempts=running.command.attempt if attempts is None else attempts,
            error=error,
            delay_s=delay_s,
            acknowledged=running.acknowledged,
            effects=tuple(running.effects),
        )


def in_order(commands: Iterable[Claimed]) -> list[Claimed]:
    """Return commands as they are to be executed: higher priority first, first come first served inside one."""
    return sorted(commands, key=lambda command: (-command.priority, command.sequence))
