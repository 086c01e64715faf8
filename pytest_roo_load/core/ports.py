"""What the parts of a run ask of each other, as Protocols."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pytest_roo_load.core.accounts import Account
    from pytest_roo_load.core.allocations import AllocationGrowth
    from pytest_roo_load.core.faults.fault import FaultRecord
    from pytest_roo_load.core.timeline import ProcessUse
    from pytest_roo_load.core.trace import Recorded

__all__ = ["Injector", "Probe", "Recorder", "Slot", "Snapshots", "User"]


class Slot(Protocol):
    """Where the samples of one operation in one phase go.

    The caller adds 1 to `started` when it sends, and when the answer is complete appends the latency in seconds to
    `ok`, or calls `fail`. What was started and never ended counts as interrupted. `ok` is replaced every second: take
    the attribute at the moment of appending.
    """

    started: int
    ok: list[float]

    def fail(self, latency_s: float, kind: str, exemplar: str) -> None:
        """Count a failure of a kind ("timeout", "status 500"); the first exemplar of each kind is kept."""


class Recorder(Protocol):
    """Gives the slot of an operation in the phase that runs now."""

    def slot(self, name: str, /) -> Slot:
        """The slot of the named operation; the sample belongs to the phase in which it started."""

    def group_slot(self, name: str, /) -> Slot:
        """The same for a group: what is timed besides operations, such as connecting."""


class User(Protocol):
    """One virtual user, as a journey sees it.

    Attributes:
        id: Number of the user within the run, from 0, unique over all generators.
        run: A short random text that all users of one `run()` share, for names that must be new.
        random: The user's own generator, seeded from the run's seed and the id.
        http: A client whose requests to the target are operations, with connections of its own.
        websocket: The same for WebSockets.
    """

    id: int
    run: str
    random: random.Random

    @property
    def recorder(self) -> Recorder:
        """Where clients put their samples."""

    @property
    def account(self) -> Account | None:
        """The target's account that is this user's alone, from `--roo-accounts`; None without one."""

    @property
    def recorded(self) -> Recorded | None:
        """The request of a trace that the current iteration is for; None unless a trace is replayed."""

    @property
    def http(self) -> Any:
        """The HTTP client."""

    @property
    def websocket(self) -> Any:
        """The WebSocket client."""

    def iterations(self) -> AsyncIterator[int]:
        """Counts 0, 1, 2 ... until the load ends: the loop body is one iteration."""

    def group(self, name: str) -> AbstractAsyncContextManager[None]:
        """Times a stretch of the journey under a name; an exception inside makes it a failed one."""

    def check(self, condition: object, name: str) -> bool:
        """Counts whether a condition holds; one that does not is a failed operation. Returns its truth."""

    async def think(self, low_s: float, high_s: float | None = None) -> None:
        """Pauses for `low_s` seconds, or for a uniformly random time up to `high_s`."""

    def take(self, feed: Any) -> Any:
        """The next row of a feed (`csv_feed`, `json_lines_feed`, `made_feed`); no row goes to two users."""

    def record(self, name: str, value: Any) -> None:
        """Sends a picklable value back to the test: `result.values[name]`."""


class Probe(Protocol):
    """Reads what the processes of a run use."""

    def sample(self) -> Mapping[str, ProcessUse]:
        """The use of each named process tree now; a process that is gone is left out."""


class Snapshots(Protocol):
    """Asks processes what they have allocated. Every call may block for a while."""

    def begin(self) -> None:
        """Let them trace what they allocate."""

    def take(self, at_s: float) -> None:
        """Ask at this moment of the load."""

    def end(self) -> None:
        """Let them trace no more."""

    def growth(self) -> Mapping[str, AllocationGrowth]:
        """Name of a process tree → what it had more at the last moment than at the first one."""


class Injector(Protocol):
    """Breaks on purpose what a schedule says, while a load runs. Every call may block for a while."""

    @property
    def may_end(self) -> frozenset[str]:
        """The processes that are meant to end; after `end` also those that a fault was seen to have ended."""

    def begin(self, start: float) -> None:
        """Carry out the faults; `start` is the load's, on the clock of `time.perf_counter`."""

    def end(self) -> tuple[FaultRecord, ...]:
        """Break nothing more, mend everything; what has become of the faults."""
