"""What can be done to a Redis by those who may connect to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pytest_roo_load.core.faults.breakage import MakeBreakage, Patient
from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.errors import FaultError

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["REDIS_FAULTS", "Block", "Demote", "FillMemory", "PauseClients"]

PATIENCE_S = 0.05
OVERDUE_S = 30.0
PROBE = "roo-load:fault"
NOBODY = ("127.0.0.1", "1")  # where no master listens
# From Redis 7 on TIME stands still while a script runs, and there is os.clock; before it is the other way round.
BUSY = """
local seen, clock = pcall(function() return os.clock end)
local function now()
    if seen then return clock() end
    local time = redis.call('TIME')
    return time[1] + time[2] / 1000000
end
local begun = now()
while now() - begun < tonumber(ARGV[1]) do end
return 1
"""


@asynccontextmanager
async def _redis(url: str, timeout_s: float | None) -> AsyncIterator[Redis]:
    """A client; what it raises becomes a FaultError."""
    from redis.asyncio import Redis  # noqa: PLC0415 - the keeper starts light
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.exceptions import RedisError  # noqa: PLC0415

    client = Redis.from_url(url, socket_timeout=timeout_s, retry=Retry(NoBackoff(), 0))
    try:
        yield client
    except (RedisError, OSError) as error:
        raise FaultError(f"Redis could not be asked: {type(error).__name__}: {error}") from error
    finally:
        await client.aclose()


async def _answers(url: str, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s), _redis(url, None) as client:
            return bool(await client.ping())
    except TimeoutError:
        return False


class _Silence:
    """Redis does not answer for a while; that ends by itself and not before."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:
        self._url = patient.url
        self._length_s = float(settings["length_s"])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {self._length_s:g} s>"

    async def _seen(self) -> str:
        if await _answers(self._url, PATIENCE_S):
            raise FaultError(f"Redis went on answering within {PATIENCE_S * 1e3:.0f} ms")
        return f"Redis did not answer within {PATIENCE_S * 1e3:.0f} ms"

    async def undo(self) -> None:
        """Wait until it answers again."""
        if not await _answers(self._url, self._length_s + OVERDUE_S):
            raise FaultError("Redis did not answer again")


class PauseClients(_Silence):
    """Lets every client wait."""

    async def apply(self) -> str:
        """The pause has its length from the beginning: a paused Redis takes no command, not even CLIENT UNPAUSE."""
        async with _redis(self._url, None) as client:
            await client.client_pause(round(self._length_s * 1000))
        return await self._seen()


class Block(_Silence):
    """Keeps Redis busy with one command."""

    _busy: asyncio.Task[None] | None = None

    async def apply(self) -> str:
        """Send the command and look whether another one is answered."""
        self._busy = asyncio.create_task(self._run())
        await asyncio.sleep(PATIENCE_S)
        return await self._seen()

    async def undo(self) -> None:
        """Wait until the command is done."""
        if self._busy is not None:
            await self._busy
        await super().undo()

    async def _run(self) -> None:
        async with _redis(self._url, None) as client:
            await client.eval(BUSY, 0, str(self._length_s))


class FillMemory:
    """Sets Redis's limit of memory below what it uses."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:  # noqa: ARG002 - as all are made
        self._url = patient.url
        self._before: Mapping[Any, Any] = {}

    def __repr__(self) -> str:
        return f"<FillMemory, {'limited' if self._before else 'not limited'}>"

    async def apply(self) -> str:
        """Set the limit and see that a write is refused."""
        from redis.exceptions import OutOfMemoryError  # noqa: PLC0415 - the keeper starts light

        async with _redis(self._url, OVERDUE_S) as client:
            self._before = await client.config_get("maxmemory*")
            await client.config_set("maxmemory-policy", "noeviction")
            await client.config_set("maxmemory", 1)
            try:
                await client.set(PROBE, "1", px=1)
            except OutOfMemoryError:
                return "a write was refused: out of memory"
        raise FaultError("a write was not refused")

    async def undo(self) -> None:
        """Set the limit that there was."""
        async with _redis(self._url, OVERDUE_S) as client:
            for name in ("maxmemory", "maxmemory-policy"):
                if name in self._before:
                    await client.config_set(name, self._before[name])


class Demote:
    """Makes Redis a replica, as a failover does with the one that was the master."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:  # noqa: ARG002 - as all are made
        self._url = patient.url

    def __repr__(self) -> str:
        return "<Demote>"

    async def apply(self) -> str:
        """Let it follow a master that nobody reaches, so that its data stays, and see that a write is refused."""
        from redis.exceptions import ReadOnlyError  # noqa: PLC0415 - the keeper starts light

        async with _redis(self._url, OVERDUE_S) as client:
            await client.replicaof(*NOBODY)
            try:
                await client.set(PROBE, "1", px=1)
            except ReadOnlyError:
                return "a write was refused: read-only replica"
        raise FaultError("a write was not refused")

    async def undo(self) -> None:
        """Promote it."""
        async with _redis(self._url, OVERDUE_S) as client:
            await client.replicaof("NO", "ONE")


REDIS_FAULTS: Mapping[str, MakeBreakage] = {
    "demote": Demote,
    "pause_clients": PauseClients,
    "block": Block,
    "fill_memory": FillMemory,
}
