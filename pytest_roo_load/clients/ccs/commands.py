"""Commands: queued over HTTP, executed by devices."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

from pytest_roo_load.errors import OperationTimeout, UsageError

__all__ = ["ENDED", "Call", "Command", "command_body"]

Call = Callable[..., Awaitable[Any]]
ENDED = frozenset({"completed", "failed", "cancelled", "timeout"})
_FIELDS = frozenset({"priority", "payload", "config", "idempotency_key"})


def command_body(kind: str, targets: Sequence[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    """A command as it is sent.

    Raises:
        UsageError: A field that commands do not have.
    """
    if unknown := fields.keys() - _FIELDS:
        raise UsageError("not a field of a command", value=min(unknown), allowed=", ".join(sorted(_FIELDS)))
    return {"type": kind, "target_device_ids": [*targets], **fields}


class Command:
    """A command that was queued.

    Attributes:
        id: Its id.
    """

    __slots__ = ("_call", "id")

    def __init__(self, call: Call, command_id: str) -> None:
        self._call = call
        self.id = command_id

    def __repr__(self) -> str:
        return f"<Command {self.id}>"

    async def status(self) -> Any:
        """The command as the server has it: `status`, `attempts`, `effects` and more."""
        return (await self._call("GET", f"/commands/{self.id}"))["command"]

    async def cancel(self) -> Any:
        """Cancel it unless it has ended."""
        return await self._call("POST", f"/commands/{self.id}/cancel")

    async def ended(self, timeout_s: float = 30.0, every_s: float = 0.05) -> Any:
        """Ask for its status until it has ended; every time is an operation.

        Raises:
            OperationTimeout: It has not ended in time.
        """
        deadline = perf_counter() + timeout_s
        while (found := await self.status())["status"] not in ENDED:
            if perf_counter() > deadline:
                raise OperationTimeout(f"command {self.id} is {found['status']} after {timeout_s:g} s")
            await asyncio.sleep(every_s)
        return found
