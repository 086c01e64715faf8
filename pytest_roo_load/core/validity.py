"""When a generator's own trouble makes its latencies worthless: the published limits.

A generator that had no time to look at its sockets reports its own lateness as the target's latency. So each generator
measures how late its event loop woke up, how long the kernel left it waiting for a core although it could have run, and
how much of a core it used; past a limit a latency verdict is *invalid*.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LIMITS", "Health", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that a generator may show in the steady phase.

    Attributes:
        lag_p95_s: 95th percentile of how late the event loop woke up, looked at 20 times a second.
        starved: Share of the time in which it was ready to run and the kernel gave the core to another process.
        cpu: Share of one core used. A generator above it has no headroom: what it measures is partly itself.
    """

    lag_p95_s: float = 0.1
    starved: float = 0.5
    cpu: float = 0.95


LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What one generator observed of itself during the steady phase.

    Attributes:
        name: "inline" or "local-0" and so on.
        pid: Its process.
        lag_p95_s: See `Limits`; None when the phase was too short to look.
        lag_max_s: The longest the event loop was late.
        starved: See `Limits`; None where the kernel does not tell.
        cpu: See `Limits`.
        gc_pause_max_s: The longest pause of the garbage collector.
    """

    name: str
    pid: int
    lag_p95_s: float | None
    lag_max_s: float | None
    starved: float | None
    cpu: float | None
    gc_pause_max_s: float

    def problems(self, limits: Limits = LIMITS) -> list[str]:
        """Each limit that was passed, in words, with what to do."""
        remedy = "use more generators (--roo-generators), fewer users or more think time"
        found = []
        if self.lag_p95_s is not None and self.lag_p95_s > limits.lag_p95_s:
            found.append(
                f"generator {self.name}: its event loop woke up {self.lag_p95_s * 1e3:.0f} ms late at p95 "
                f"(limit {limits.lag_p95_s * 1e3:.0f} ms); {remedy}"
            )
        if self.starved is not None and self.starved > limits.starved:
            found.append(
                f"generator {self.name}: waited for a core {self.starved:.0%} of the time "
                f"(limit {limits.starved:.0%}); stop other work on this machine, or move the target to another"
            )
        if self.cpu is not None and self.cpu > limits.cpu:
            found.append(f"generator {self.name}: used {self.cpu:.0%} of a core (limit {limits.cpu:.0%}); {remedy}")
        return found
