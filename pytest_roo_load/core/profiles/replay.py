"""Replay: a recorded trace's requests, at the moments at which they came."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pytest_roo_load.core.profiles.plan import GRACEFUL_STOP_S, STEADY, Arrivals, Phase, Plan, whole
from pytest_roo_load.core.trace import Trace
from pytest_roo_load.errors import UsageError

__all__ = ["ReplayProfile", "replay"]

_FASTEST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayProfile:
    """An open profile; made by `replay`.

    Attributes:
        trace: What was recorded.
        speed: How many times as fast as it was recorded.
        users: Users that are set up beforehand.
        max_users: The most users that there may be.
    """

    trace: Trace
    speed: float
    users: int
    max_users: int

    def __str__(self) -> str:
        number = len(self.trace.requests)
        return f"{number} requests of {self.trace.source} at {self.speed:g} × speed, at most {self.max_users} users"

    def plan(self) -> Plan:
        """One phase, steady; an arrival for each request, as much sooner as the speed says."""
        length = self.trace.length_s / self.speed
        requests = tuple(replace(one, at_s=one.at_s / self.speed) for one in self.trace.requests)
        return Plan(
            phases=(Phase(name=STEADY, start_s=0.0, end_s=length),),
            arrivals=Arrivals(segments=(), users=self.users, max_users=self.max_users, requests=requests),
            graceful_stop_s=GRACEFUL_STOP_S,
        )


def replay(trace: Trace, *, max_users: int, users: int | None = None, speed: float = 1.0) -> ReplayProfile:
    """Iterations begin when the requests of a trace came; `user.recorded` is the request that an iteration is for.

    Each arrival borrows a user that is set up and free, as in `arrival_rate`; latency counts from the trace's moment.

    Args:
        trace: From `recorded_trace`.
        max_users: The most users at once, 1 to 1,000,000.
        users: Users set up beforehand; default: `max_users`.
        speed: 2 replays an hour in half an hour; above 0, up to 10,000.

    Raises:
        UsageError: A value is out of range.
    """
    if not isinstance(trace, Trace):
        raise UsageError("not a trace", value=trace, allowed='recorded_trace("access.log")')
    if not 0 < speed <= _FASTEST:
        raise UsageError("speed is out of range", value=speed, allowed=f"above 0, up to {_FASTEST:,}")
    whole(max_users, "max_users")
    prepared = max_users if users is None else whole(users, "users", most=max_users)
    return ReplayProfile(trace=trace, speed=float(speed), users=prepared, max_users=max_users)
