"""What can be done to a standby of PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_roo_load.core.faults.breakage import MakeBreakage, Patient
from pytest_roo_load.core.faults.fault import Setting
from pytest_roo_load.errors import FaultError
from pytest_roo_load.services.postgres_faults import POSTGRES_FAULTS, session

if TYPE_CHECKING:
    import asyncpg

__all__ = ["STANDBY_FAULTS", "PauseReplication"]

SEEN_S, POLL_S = 3.0, 0.01
_STREAMS = "SELECT count(*) > 0 FROM pg_stat_wal_receiver WHERE status = 'streaming'"
_PAUSED = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
_GOES_ON = "SELECT pg_get_wal_replay_pause_state() = 'not paused'"
_REPLAYED = "SELECT pg_last_wal_replay_lsn()::text"


class PauseReplication:
    """Lets a standby receive what the other server does and apply nothing of it: what it answers gets older."""

    ends_processes = False
    momentary = False

    def __init__(self, patient: Patient, settings: Mapping[str, Setting]) -> None:  # noqa: ARG002 - as all are made
        self._patient = patient

    def __repr__(self) -> str:
        return f"<PauseReplication of {self._patient.name}>"

    async def apply(self) -> str:
        """Pause it, once it is seen to replicate."""
        async with session(self._patient.url) as connection:
            await _until(connection, _STREAMS, "nothing is replicated to it")
            await connection.execute("SELECT pg_wal_replay_pause()")
            await _until(connection, _PAUSED, "it went on")
            return f"{self._patient.name} applies nothing after {await connection.fetchval(_REPLAYED)}"

    async def undo(self) -> None:
        """Let it catch up; one that was killed meanwhile applies everything when it is started again."""
        if not any(victim.alive for victim in self._patient.processes()):
            return
        async with session(self._patient.url) as connection:
            await connection.execute("SELECT pg_wal_replay_resume()")
            await _until(connection, _GOES_ON, "it is still paused")


async def _until(connection: asyncpg.Connection, question: str, otherwise: str) -> None:
    deadline = asyncio.get_running_loop().time() + SEEN_S
    while not await connection.fetchval(question):
        if asyncio.get_running_loop().time() > deadline:
            raise FaultError(f"{otherwise}, after {SEEN_S:g} s")
        await asyncio.sleep(POLL_S)


STANDBY_FAULTS: Mapping[str, MakeBreakage] = {
    "pause_replication": PauseReplication,
    **{verb: POSTGRES_FAULTS[verb] for verb in ("terminate_backends", "fill_connections")},
}
