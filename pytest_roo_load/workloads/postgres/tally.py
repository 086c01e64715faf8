"""What clients of a database know of their transactions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["ABORTS", "UNSURE", "Tally", "together"]

# What the server means to be tried again (PostgreSQL, Appendix A, class 40).
ABORTS = {"40P01": "deadlocks", "40001": "serialization failures"}
# SQLSTATEs after which a commit may have been done: connection exceptions (which poolers tell as well), and
# statement_completion_unknown.
UNSURE = ("08", "40003")


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of one client, or of several together.

    Attributes:
        commits: Transactions that ended well, those of a single statement included.
        rows: Rows that statements gave or changed.
        retries: Transactions that were begun again.
        aborts: How often the server asked for that, by reason.
        given_up: Transactions that were not tried again any more.
        acknowledged: Kind of transaction → how many commits were acknowledged.
        effect: Kind of transaction → sum of what these added.
        unknown: Kind of transaction → the effects of commits that were sent and got no clear answer.
    """

    commits: int = 0
    rows: int = 0
    retries: int = 0
    given_up: int = 0
    aborts: dict[str, int] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    effect: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, list[int]] = field(default_factory=dict)

    def commit(self, kind: str, effect: int) -> None:
        """The server has acknowledged a transaction."""
        self.commits += 1
        self.acknowledged[kind] = self.acknowledged.get(kind, 0) + 1
        self.effect[kind] = self.effect.get(kind, 0) + effect

    def doubt(self, kind: str, effect: int) -> None:
        """A commit was sent, and nobody knows what became of it."""
        self.unknown.setdefault(kind, []).append(effect)

    def abort(self, reason: str) -> None:
        """The server asked to try again."""
        self.aborts[reason] = self.aborts.get(reason, 0) + 1

    def add(self, other: Tally) -> None:
        """Add what another client counted."""
        self.commits += other.commits
        self.rows += other.rows
        self.retries += other.retries
        self.given_up += other.given_up
        for mine, theirs in ((self.aborts, other.aborts), (self.acknowledged, other.acknowledged),
                             (self.effect, other.effect)):  # fmt: skip
            for key, number in theirs.items():
                mine[key] = mine.get(key, 0) + number
        for kind, effects in other.unknown.items():
            self.unknown.setdefault(kind, []).extend(effects)


def together(tallies: Iterable[Tally]) -> Tally:
    """The sum of several."""
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total
