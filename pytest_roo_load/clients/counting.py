"""A failed operation is counted once: by the client that made it, or else by whoever runs the journey."""

from __future__ import annotations

import asyncio

from pytest_roo_load.core.ports import Slot
from pytest_roo_load.errors import OperationError

__all__ = ["CANCELLED", "ON_PURPOSE", "count_cancelled", "count_failure"]

CANCELLED = "cancelled"
ON_PURPOSE = "on purpose"


def count_failure(slot: Slot, latency_s: float, error: OperationError, request: str) -> None:
    """Count what prevented an answer, and remember on the error that it has been counted."""
    slot.fail(latency_s, error.kind, f"{request}: {error}")
    error.counted = True


def count_cancelled(
    slot: Slot, latency_s: float, error: asyncio.CancelledError, request: str, *, interrupting: bool
) -> None:
    """Count what its journey did not wait for, as with `asyncio.timeout`, and remember on the error that it was.

    A cancellation with the message `ON_PURPOSE` is part of what a journey plays: the operation is not counted at all.

    Args:
        slot: Where the operation was begun.
        latency_s: How long it was waited for.
        error: What ended the waiting.
        request: What was asked, in words.
        interrupting: Whether it was the end of the load that did so: then the operation has no outcome.
    """
    if interrupting:
        return
    if error.args == (ON_PURPOSE,):
        slot.started -= 1
        return
    slot.fail(latency_s, CANCELLED, f"{request}: the journey did not wait for it any longer")
    error.counted = True  # type: ignore[attr-defined]  # read by who runs the journey
