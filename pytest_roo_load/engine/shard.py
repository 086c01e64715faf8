"""A generator's part of a run, as it travels to the generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_roo_load.core.accounts import Account
from pytest_roo_load.core.profiles import Plan
from pytest_roo_load.core.recording import Recording
from pytest_roo_load.core.validity import Health

__all__ = ["Outcome", "Shard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """What one generator is to do.

    Attributes:
        journeys: The pickled journeys, see `journeys.pack`.
        weights: One weight per journey.
        plan: The whole load; the generator takes its share by `index` and `generators`.
        name: The generator's name.
        run: See `core.ports.User`.
        seed: The run's seed.
        target: URL of the system under test.
        modules: `sys.path` entries from which journeys import.
        target_ws: Where its WebSockets are, None when at the same place.
        accounts: Accounts of the target, one for each user; empty when users make their own.
    """

    journeys: bytes
    weights: tuple[float, ...]
    plan: Plan
    run: str
    seed: int
    target: str | None
    modules: tuple[str, ...]
    target_ws: str | None = None
    accounts: tuple[Account, ...] = ()
    name: str = "inline"
    index: int = 0
    generators: int = 1

    def split(self, names: Sequence[str]) -> list[Shard]:
        """One shard per generator; together they are this one."""
        return [replace(self, name=name, index=index, generators=len(names)) for index, name in enumerate(names)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one generator has to say at the end.

    Attributes:
        ended_s: When its load ended, in seconds of the load.
        switched_s: When each phase that began really did, and then the aftermath.
    """

    recording: Recording
    health: Health
    ended_s: float
    switched_s: tuple[float, ...]
