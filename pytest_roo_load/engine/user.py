"""A virtual user."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pytest_roo_load.clients.counting import CANCELLED
from pytest_roo_load.clients.http.names import RouteNames
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.engine.iterations import Iterations
from pytest_roo_load.engine.lateness import LateRecorder
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import OperationError, UsageError

if TYPE_CHECKING:
    from pytest_roo_load.clients.http.client import HttpClient
    from pytest_roo_load.clients.websocket.client import WebSocketClient
    from pytest_roo_load.core.accounts import Account
    from pytest_roo_load.core.trace import Recorded
    from pytest_roo_load.engine.feeds import Feed
    from pytest_roo_load.engine.pause import Pauses
    from pytest_roo_load.engine.turns import Turns

__all__ = ["Surroundings", "VirtualUser"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all users of one generator share.

    Attributes:
        run: Random text that names this run().
        seed: Seeds the users' generators together with their ids.
        target: URL of the system under test, None when the journey has no use for one.
        target_ws: URL of its WebSockets, None when they are at the same place.
        accounts: Accounts of the target by user id; empty when users make their own.
        recorder: Where samples go.
        sweeper: What ends requests past their deadline.
        names: Names of operations by path.
        pauses: What think time waits on.
        turns: When a user may begin another iteration.
        users: How many users the load has at most, over all generators.
        give_up: Told of a mistake that makes the load pointless.
        rows: User's id and feed → the next row. It outlasts the user, who may go and come again.
        randoms: User's id → its generator, for the same reason.
    """

    run: str
    seed: int
    target: str | None
    target_ws: str | None
    accounts: Sequence[Account]
    recorder: PhaseRecorder
    sweeper: Sweeper
    names: RouteNames
    pauses: Pauses
    turns: Turns
    users: int
    give_up: Callable[[UsageError], None]
    rows: dict[tuple[int, Feed], int] = field(default_factory=dict)
    randoms: dict[int, random.Random] = field(default_factory=dict)


class VirtualUser:
    """See `core.ports.User`.

    Args:
        number: Its id.
        surroundings: What it shares with the others.
        late: Whether its iterations may begin later than they were meant to, as in an open plan.

    Attributes:
        recorded: The request of a trace that the current iteration is for; None unless a trace is replayed.
        dismissed: Whether it has been told to go when its iteration is finished.
    """

    def __init__(self, number: int, surroundings: Surroundings, *, late: bool = False) -> None:
        self.id = number
        self.run = surroundings.run
        self.dismissed = False
        self.recorded: Recorded | None = None
        self.recorder: Any = LateRecorder(surroundings.recorder) if late else surroundings.recorder
        self._surroundings = surroundings
        self._call = surroundings.recorder.current
        self._has_turn = False
        self._turns: Iterations | None = None
        self._clients: tuple[HttpClient | WebSocketClient, ...] = ()

    def __repr__(self) -> str:
        return f"<VirtualUser {self.id} of run {self.run}>"

    @cached_property
    def random(self) -> random.Random:
        """The user's own generator, the same in every run with the same seed."""
        randoms = self._surroundings.randoms
        if self.id not in randoms:
            randoms[self.id] = random.Random(f"{self._surroundings.seed}/{self.id}")
        return randoms[self.id]

    @cached_property
    def http(self) -> HttpClient:
        """The user's own HTTP client."""
        from pytest_roo_load.clients.http.client import HttpClient  # noqa: PLC0415 - loaded when used

        around = self._surroundings
        client = HttpClient(self._target(), self.recorder, around.sweeper, around.names)
        self._clients += (client,)
        return client

    @cached_property
    def websocket(self) -> WebSocketClient:
        """The user's own WebSocket client."""
        from pytest_roo_load.clients.websocket.client import WebSocketClient  # noqa: PLC0415 - loaded when used

        around = self._surroundings
        client = WebSocketClient(around.target_ws or self._target(), self.recorder, around.sweeper)
        self._clients += (client,)
        return client

    @property
    def account(self) -> Account | None:
        """The target's account that is this user's and no other's; None when users make their own."""
        accounts = self._surroundings.accounts
        return accounts[self.id] if accounts else None

    def _target(self) -> str:
        if self._surroundings.target is None:
            raise UsageError("no target", value=None, allowed="a URL", remedy="start with --roo-target URL")
        return self._surroundings.target

    def iterations(self) -> AsyncIterator[int]:
        """Counts 0, 1, 2 ... until the load ends."""
        if self._turns is not None:
            self._turns.end()
        self._turns = Iterations(self, self._surroundings.turns, self._surroundings.recorder)
        return self._turns

    def dismiss(self) -> None:
        """Go when the iteration is finished; a pause for thinking ends now."""
        self.dismissed = True
        self._surroundings.pauses.wake(self)

    def give_up(self, mistake: UsageError) -> None:
        """The journey has come to what can never work: the whole load ends."""
        self._surroundings.give_up(mistake)

    def due(self, intended: float, request: Recorded | None = None) -> None:
        """The turn just taken was meant to begin at this moment of `time.perf_counter`, for a recorded request."""
        self.recorder.due(intended)
        self.recorded = request

    def begin(self, *, has_turn: bool) -> None:
        """A call of the journey begins; it is one iteration unless it asks for `iterations()`.

        Args:
            has_turn: Whether the call itself was given a turn.
        """
        self._call = self._surroundings.recorder.current
        self._has_turn = has_turn
        self._turns = None

    def finish(self) -> None:
        """The call has come to its end without an error."""
        if self._turns is None:
            self._call.finish(self.id)
        else:
            self._turns.end()

    def break_off(self) -> None:
        """The call has ended with an error: so has its last iteration, and those before it were finished."""
        if self._turns is not None:
            self._turns.end(finished=False)

    def take_turn(self) -> bool | Awaitable[bool]:
        """Whether the first iteration may begin, at once or to be waited for; the call may have been given a turn."""
        around = self._surroundings
        if self._has_turn:
            self._has_turn = False
            if isinstance(self.recorder, LateRecorder):
                self.recorder.begin()
            if around.pauses.ended or self.dismissed:
                return False
            return self._call is around.recorder.current or around.turns.renew(self)
        return around.turns.take(self)

    @asynccontextmanager
    async def group(self, name: str) -> AsyncIterator[None]:
        """Times a stretch of the journey under a name."""
        slot = self.recorder.group_slot(name)
        slot.started += 1
        began = perf_counter()
        try:
            yield
        except Exception as error:
            kind = error.kind if isinstance(error, OperationError) else type(error).__name__
            slot.fail(perf_counter() - began, kind, str(error))
            raise
        except asyncio.CancelledError:
            if not self._surroundings.sweeper.interrupting:
                slot.fail(perf_counter() - began, CANCELLED, "the journey did not wait for its end")
            raise
        slot.ok.append(perf_counter() - began)

    def check(self, condition: object, name: str) -> bool:
        """Counts whether a condition holds; one that does not is a failed operation "check NAME"."""
        held = bool(condition)
        self.recorder.check(name, held)
        if not held:
            slot = self.recorder.slot(f"check {name}")
            slot.started += 1
            slot.fail(0.0, "check", f"check {name!r} did not hold for user {self.id}")
        return held

    def think(self, low_s: float, high_s: float | None = None) -> Coroutine[Any, Any, None]:
        """Pauses; the end of the load, or of this user, ends the pause."""
        high_s = low_s if high_s is None else high_s
        if not 0 <= low_s <= high_s:
            raise UsageError("not a think time", value=(low_s, high_s), allowed="0 <= low <= high, in seconds")
        length_s = self.random.uniform(low_s, high_s) if low_s < high_s else low_s
        return self._surroundings.pauses.pause(0.0 if self.dismissed else length_s, self)

    def record(self, name: str, value: Any) -> None:
        """Sends a picklable value back to the test."""
        self.recorder.value(name, value)

    def take(self, feed: Feed) -> Any:
        """The user's next row of a feed: the one of its id, then that plus the number of users, and so on."""
        rows = self._surroundings.rows
        number = rows.get((self.id, feed), self.id)
        rows[self.id, feed] = number + self._surroundings.users
        return feed.row(number)

    async def close(self) -> None:
        """Close the user's connections; idempotent."""
        async with AsyncExitStack() as stack:
            for client in self._clients:
                stack.push_async_callback(client.close)
