"""One call of a journey by one user, whatever becomes of it."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable

from pytest_roo_load.engine.mistakes import mistake_in
from pytest_roo_load.engine.user import VirtualUser
from pytest_roo_load.errors import OperationError

__all__ = ["AFTER_AN_ERROR_S", "Journey", "perform_once"]

Journey = Callable[[VirtualUser], Awaitable[None]]
AFTER_AN_ERROR_S = 0.1


async def perform_once(user: VirtualUser, journey: Journey, *, has_turn: bool) -> bool:
    """Call the journey; whether it raised, which is counted as a failed operation unless a client has counted it.

    A mistake in how this package is used is no operation: it ends the load.

    Args:
        user: Who performs it.
        journey: Without `iterations()` the call is one iteration.
        has_turn: Whether the call was given a turn, which is then that of its first iteration.
    """
    user.begin(has_turn=has_turn)
    try:
        await journey(user)
    except BaseException as error:
        user.break_off()
        if _ends_the_user(error):
            raise
        if mistake := mistake_in(error, f"journey {_name(journey)}"):
            user.give_up(mistake)
        elif not _is_counted(error):
            _count(user, journey, error)
        return True
    user.finish()
    return False


def _count(user: VirtualUser, journey: Journey, error: BaseException) -> None:
    slot = user.recorder.slot(f"journey {_name(journey)}")
    slot.started += 1
    kind = error.kind if isinstance(error, OperationError) else type(error).__name__
    slot.fail(0.0, kind, _traceback(error))  # it was never in flight: what took time before were other operations


def _is_counted(error: BaseException) -> bool:
    """Whether a client has counted it, or the cancellation that `asyncio.timeout` has made it of."""
    made_of = error.__cause__ if isinstance(error, TimeoutError) else None
    return getattr(error, "counted", False) or getattr(made_of, "counted", False)


def _name(journey: Journey) -> str:
    return getattr(journey, "__name__", "journey")


def _ends_the_user(error: BaseException) -> bool:
    """Whether it comes from outside; all else is the journey's own and never the run's end, `pytest.fail()` as well."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)


def _traceback(error: BaseException) -> str:
    """The traceback from the journey's own frame on."""
    frames = error.__traceback__.tb_next if error.__traceback__ else None
    return "".join(traceback.format_exception(type(error), error, frames)).rstrip()
