"""What can be done to PostgreSQL and Redis besides what can be done to any process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_roo_load.core.faults.processes import ENDED, STOPPED, Verbs
from pytest_roo_load.core.profiles.plan import positive
from pytest_roo_load.errors import UsageError

if TYPE_CHECKING:
    from pytest_roo_load.core.faults.schedule import Schedule

__all__ = ["StoreVerbs"]


class StoreVerbs(Verbs):
    """Where no duration is given, it is broken until it is healed."""

    def terminate_backends(self, target: str = "postgres") -> Schedule:
        """PostgreSQL ends every client's session, as an administrator or a failover would."""
        return self._break("terminate_backends", target)

    def lock_tables(self, target: str = "postgres", *, duration: str | float | None = None) -> Schedule:
        """Somebody holds an exclusive lock on every table: queries wait."""
        return self._break("lock_tables", target, lasts=_length(duration))

    def fill_connections(self, target: str = "postgres", *, duration: str | float | None = None) -> Schedule:
        """All of PostgreSQL's connections are taken: sessions go on, nobody can open one."""
        return self._break("fill_connections", target, lasts=_length(duration))

    def pause_replication(self, target: str = "postgres-standby", *, duration: str | float | None = None) -> Schedule:
        """The standby of PostgreSQL applies nothing of what it receives: it answers reads, of older and older data."""
        return self._break("pause_replication", target, lasts=_length(duration))

    def pause_clients(self, target: str = "redis", *, duration: str | float) -> Schedule:
        """Redis takes commands and answers none of them for a while (CLIENT PAUSE)."""
        length_s = positive(duration, "duration")
        return self._break("pause_clients", target, lasts=length_s, length_s=length_s)

    def block(self, target: str = "redis", *, duration: str | float) -> Schedule:
        """One slow command keeps Redis from everything else; duration is its CPU time."""
        length_s = positive(duration, "duration")
        return self._break("block", target, lasts=length_s, length_s=length_s)

    def fill_memory(self, target: str = "redis", *, duration: str | float | None = None) -> Schedule:
        """Redis has reached its limit of memory: every write is refused."""
        return self._break("fill_memory", target, lasts=_length(duration))

    def demote(self, target: str = "redis", *, duration: str | float | None = None) -> Schedule:
        """Redis is a replica until it is promoted again, as in a failover: it answers reads and refuses writes."""
        return self._break("demote", target, lasts=_length(duration))

    def heal(self, target: str) -> Schedule:
        """Mend what is broken on the target, but what is mended by `restart` or `resume`.

        Raises:
            UsageError: Nothing of it is broken at this moment.
        """
        mended = self._mend_all_but(ENDED | STOPPED, target)
        if mended is None:
            raise UsageError("nothing to heal", value=target, allowed="what was broken before, without a duration")
        return mended


def _length(duration: str | float | None) -> float | None:
    return None if duration is None else positive(duration, "duration")
