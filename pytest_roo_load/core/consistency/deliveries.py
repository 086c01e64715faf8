"""Numbered messages of several producers through a queue with several consumers: lost, duplicated, reordered, invented.

The same question as `queue.Queue` asks of a history, for millions of messages: arrays of numbers in place of events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pytest_roo_load.core.consistency.finding import Finding, Problem
from pytest_roo_load.core.verdict import Verdict

__all__ = ["Produced", "Taken", "check_deliveries"]

Numbers = npt.NDArray[np.int64]
_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """What one producer sent: the numbers 0, 1, 2 ... below `sent`.

    Attributes:
        sent: How many.
        unknown: Those of them of which it does not know whether the queue has them.
    """

    sent: int
    unknown: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one consumer took, in order: of each message its producer and its number.

    Attributes:
        again: For each, whether the queue said that it had handed it out before. Such a one may come late, and twice:
            whoever had it may have processed it and not been able to say so.
    """

    producers: Numbers
    numbers: Numbers
    again: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))


def check_deliveries(
    produced: Mapping[int, Produced], taken: Sequence[Taken], *, ordered: bool = True
) -> tuple[Finding, ...]:
    """What became of the messages when the queue has been emptied.

    Args:
        produced: Producer → what it sent.
        taken: What each consumer took.
        ordered: Whether each consumer is promised the messages of one producer in their order.
    """
    counts = {producer: _counts(producer, one, taken) for producer, one in produced.items()}
    firsts = {producer: _counts(producer, one, [_first(each) for each in taken]) for producer, one in produced.items()}
    asked = _Asked(
        acknowledged=sum(one.sent - len(one.unknown) for one in produced.values()),
        unknown=sum(len(one.unknown) for one in produced.values()),
    )
    lost = (pair for producer, one in produced.items() for pair in _lost(producer, one, counts[producer]))
    twice = ((producer, int(n)) for producer, seen in firsts.items() for n in np.flatnonzero(seen > 1))
    doubtful = {(producer, number) for producer, one in produced.items() for number in one.unknown}
    late = (pair for one in taken for pair in _reordered(one) if pair not in doubtful)  # those may have come in late
    found = [
        asked.finding("no acknowledged message is lost", ("lost", "is lost"), lost),
        asked.finding("no message is taken twice", ("duplicated", "was taken again"), twice),
        asked.finding("no message is invented", ("invented", "was never sent"), _invented(produced, taken)),
    ]
    if ordered:
        promise = "each consumer gets the messages of a producer in their order"
        found.append(asked.finding(promise, ("reordered", "came late"), late))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Of how many messages it is known that the queue has them, and of how many it is not."""

    acknowledged: int
    unknown: int

    def finding(self, promise: str, fault: tuple[str, str], broken: Iterable[tuple[int, int]]) -> Finding:
        """The finding from the fault's kind and words, and from producer and number of each message that has it."""
        (kind, words), pairs = fault, list(broken)
        judged = Verdict.PASS if self.acknowledged else Verdict.NO_DATA
        return Finding(
            promise=promise,
            verdict=Verdict.FAIL if pairs else judged,
            checked=self.acknowledged,
            unknown=self.unknown,
            problems=tuple(
                Problem(kind=kind, text=f"message {number} of producer {producer} {words}")
                for producer, number in pairs[:_MOST]
            ),
            count=((kind, len(pairs)),) if pairs else (),
        )


def _counts(producer: int, one: Produced, taken: Sequence[Taken]) -> Numbers:
    """How often each number of a producer was taken."""
    seen = np.zeros(one.sent, dtype=np.int64)
    for each in taken:
        mine = each.numbers[each.producers == producer]
        seen += np.bincount(mine[(mine >= 0) & (mine < one.sent)], minlength=one.sent)
    return seen


def _first(one: Taken) -> Taken:
    """What was handed out for the first time, as far as the queue said."""
    if not len(one.again):
        return one
    return Taken(producers=one.producers[~one.again], numbers=one.numbers[~one.again])


def _lost(producer: int, one: Produced, seen: Numbers) -> Iterable[tuple[int, int]]:
    return ((producer, int(number)) for number in np.flatnonzero(seen == 0) if int(number) not in one.unknown)


def _invented(produced: Mapping[int, Produced], taken: Sequence[Taken]) -> Iterable[tuple[int, int]]:
    for one in taken:
        limits = np.array([produced[p].sent if p in produced else 0 for p in one.producers.tolist()], dtype=np.int64)
        for at in np.flatnonzero((one.numbers < 0) | (one.numbers >= limits)):
            yield int(one.producers[at]), int(one.numbers[at])


def _reordered(one: Taken) -> Iterable[tuple[int, int]]:
    """Those that came after a higher number of the same producer, and not because they were delivered again."""
    first = _first(one)
    for producer in np.unique(first.producers):
        numbers = first.numbers[first.producers == producer]
        highest = np.maximum.accumulate(numbers) if len(numbers) else numbers
        repeated = np.concatenate(([False], numbers[1:] == highest[:-1])) if len(numbers) else np.zeros(0, dtype=bool)
        for number in numbers[(numbers < highest) & ~repeated]:
            yield int(producer), int(number)
