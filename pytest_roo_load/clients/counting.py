"""A failed operation is counted once: by the client that made it, or else by whoever runs the journey."""

from __future__ import annotations

from pytest_roo_load.core.ports import Slot
from pytest_roo_load.errors import OperationError

__all__ = ["count_failure"]


def count_failure(slot: Slot, latency_s: float, error: OperationError, request: str) -> None:
    """Count what prevented an answer, and remember on the error that it has been counted."""
    slot.fail(latency_s, error.kind, f"{request}: {error}")
    error.counted = True
