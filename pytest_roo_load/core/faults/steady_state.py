"""The steady-state hypothesis: the service level holds before a fault, perhaps during it, and again afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_roo_load.core.faults.fault import FaultRecord
from pytest_roo_load.core.faults.recovery import Recovery, broken, judged_by
from pytest_roo_load.core.profiles.plan import WARM_UP
from pytest_roo_load.core.sla.objective import Objective
from pytest_roo_load.core.timeline import Second

__all__ = ["Stretch", "steady_state"]

BEFORE, DURING, AFTER = "before", "during", "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The seconds before the first fault, from there to the last recovery, or after that.

    Attributes:
        name: "before", "during" or "after".
        seconds: Whole seconds of it.
        held: In how many of them the service level held.
        first_broken: Why it did not in the first one in which it did not; empty when it did in all.
    """

    name: str
    seconds: int
    held: int
    first_broken: str = ""

    @property
    def holds(self) -> bool:
        """Whether the service level held in all of it; not when there is no second to tell by."""
        return 0 < self.seconds == self.held


def steady_state(
    faults: Sequence[FaultRecord],
    recoveries: Sequence[Recovery],
    seconds: Iterable[Second],
    objectives: Iterable[Objective],
) -> tuple[Stretch, ...]:
    """How the service level held before, during and after the faults that took hold; empty without any.

    Each second is judged by itself, by the objectives that `recovery_time` is judged by. The warm-up does not count.
    There is no second after a fault that was never recovered from.
    """
    begins = [record.began_s for record in faults if record.began_s is not None and record.took_hold]
    if not begins:
        return ()
    begin_s, end_s = min(begins), _end_of(recoveries)
    asked = judged_by(objectives)
    found: dict[str, list[tuple[int, str]]] = {BEFORE: [], DURING: [], AFTER: []}
    for second in seconds:
        if second.phase == WARM_UP:
            continue
        name = BEFORE if second.t + 1 <= begin_s else AFTER if end_s is not None and second.t >= end_s else DURING
        found[name].append((second.t, broken(second, asked)))
    return tuple(_stretch(name, verdicts) for name, verdicts in found.items())


def _end_of(recoveries: Sequence[Recovery]) -> float | None:
    last = recoveries[-1]
    return None if last.from_s is None or last.seconds == float("inf") else last.from_s + last.seconds


def _stretch(name: str, verdicts: Sequence[tuple[int, str]]) -> Stretch:
    first = next((f"second {t}: {why}" for t, why in verdicts if why), "")
    return Stretch(name=name, seconds=len(verdicts), held=sum(not why for _, why in verdicts), first_broken=first)
