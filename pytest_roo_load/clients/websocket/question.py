"""Something that is awaited on a WebSocket until a deadline."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from pytest_roo_load.clients.sweeper import IDLE
from pytest_roo_load.errors import OperationError, OperationTimeout

__all__ = ["Question"]

_Answer = TypeVar("_Answer")


class Question(Generic[_Answer]):
    """An answer that is awaited until a deadline; see `clients.sweeper.Expiring`."""

    __slots__ = ("answer", "deadline")

    def __init__(self, deadline: float) -> None:
        self.answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self.deadline = deadline

    def __repr__(self) -> str:
        return f"<Question {'answered' if self.answer.done() else 'open'}>"

    def expire(self) -> None:
        """The deadline has passed."""
        self.fail(OperationTimeout("no answer before the deadline"))

    def fail(self, error: OperationError) -> None:
        """There will be no answer."""
        self.deadline = IDLE
        if not self.answer.done():
            self.answer.set_exception(error)
