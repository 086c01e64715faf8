"""Each checker passes what is right, finds every planted fault, and has no opinion on nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.consistency.counter import Counter
from pytest_roo_load.core.consistency.elements import Elements
from pytest_roo_load.core.consistency.files import Files
from pytest_roo_load.core.consistency.finding import Checker, Finding
from pytest_roo_load.core.consistency.guarantees import MonotonicReads, ReadYourWrites
from pytest_roo_load.core.consistency.history import Event, Outcome
from pytest_roo_load.core.consistency.invariant import Invariant, bank
from pytest_roo_load.core.consistency.linearizable import Linearizable
from pytest_roo_load.core.consistency.queue import Queue
from pytest_roo_load.core.consistency.sequences import Sequences
from pytest_roo_load.core.consistency.unique import Unique
from pytest_roo_load.core.verdict import Verdict

CHECKERS: list[Checker] = [
    Counter(), Elements(), Files(), MonotonicReads(), ReadYourWrites(), bank(100), Linearizable(), Queue(), Sequences(),
    Unique(),
]  # fmt: skip


def at(
    moment: float, kind: str, given_or_got: Any = None, *, client: int = 0, key: Any = None, s: float = 0.5
) -> Event:
    """An event that was given something, or got it if it is one that asks."""
    asks = kind in {"read", "take", "download", "generate", "snapshot", "receive"}
    value, result = (None, given_or_got) if asks else (given_or_got, None)
    return Event(client=client, kind=kind, key=key, value=value, result=result, began_s=moment, ended_s=moment + s)


def unknown(event: Event) -> Event:
    return replace(event, outcome=Outcome.UNKNOWN)


def refused(event: Event) -> Event:
    return replace(event, outcome=Outcome.FAILED)


def kinds(found: Finding) -> dict[str, int]:
    assert (found.verdict is Verdict.FAIL) == bool(found.count)
    return dict(found.count)


@pytest.mark.parametrize("checker", CHECKERS, ids=repr)
def test_nothing_is_no_data(checker: Checker) -> None:
    assert checker.check([]).verdict is Verdict.NO_DATA
    assert "no data" in str(checker.check([at(0, "something else")]))


FAULTS: list[tuple[Checker, list[Event], dict[str, int]]] = [
    (Elements(), [at(0, "add", 1), at(1, "add", 2), at(2, "read", [1, 2])], {}),
    (Elements(), [at(0, "add", 1), at(1, "add", 2), at(2, "read", [2])], {"lost": 1}),
    (Elements(), [at(0, "add", 1), at(2, "read", []), at(3, "read", [1])], {"stale": 1}),
    (Elements(), [at(0, "add", 1), at(2, "read", [1, 1])], {"duplicated": 1}),
    (Elements(), [at(0, "add", 1), at(2, "read", [1, 7])], {"invented": 1}),
    (Elements(), [refused(at(0, "add", 1)), at(2, "read", [1])], {"invented": 1}),
    (Elements(), [unknown(at(0, "add", 1)), at(2, "read", []), at(3, "read", [1])], {}),
    (Elements(), [at(0, "add", 1, s=9), at(2, "read", [])], {}),
    (Elements(), [at(0, "add", 1, key="a"), at(2, "read", [1], key="b")], {"invented": 1}),
    (Counter(), [at(0, "add", 2), at(1, "add", 3), at(2, "read", 5)], {}),
    (Counter(), [at(0, "add", 2), at(1, "add", 3), at(2, "read", 3)], {"lost": 1}),
    (Counter(), [at(0, "add", 2), at(2, "read", 4)], {"invented": 1}),
    (Counter(10), [at(0, "add", -2, s=9), at(2, "read", 10), at(3, "read", 8)], {}),
    (Counter(), [unknown(at(0, "add", 2)), at(2, "read", 0), at(3, "read", 2)], {}),
    (Counter(), [refused(at(0, "add", 2)), at(2, "read", 2)], {"invented": 1}),
    (Queue(), [at(0, "put", "a"), at(1, "put", "b"), at(2, "take", "a"), at(3, "take", "b")], {}),
    (Queue(), [at(0, "put", "a"), at(1, "put", "b"), at(3, "take", "b")], {"lost": 1}),
    (Queue(), [at(0, "put", "a"), at(2, "take", "a"), at(3, "take", "a", client=1)], {"duplicated": 1}),
    (Queue(once=False), [at(0, "put", "a"), at(2, "take", "a"), at(3, "take", "a", client=1)], {}),
    (Queue(), [at(0, "put", "a"), at(1, "put", "b"), at(2, "take", "b"), at(3, "take", "a")], {"reordered": 1}),
    (Queue(), [unknown(at(0, "put", "a")), at(1, "put", "b"), at(2, "take", "b"), at(3, "take", "a")], {}),
    (
        Queue(),
        [at(0, "put", "a"), unknown(at(1, "put", "b")), at(2, "take", "b"), at(3, "take", "a")],
        {"reordered": 1},
    ),
    (Queue(ordered=False), [at(0, "put", "a"), at(1, "put", "b"), at(2, "take", "b"), at(3, "take", "a")], {}),
    (Queue(), [at(0, "put", "a"), at(1, "put", "b", client=1), at(2, "take", "b"), at(3, "take", "a")], {}),
    (Queue(), [at(0, "put", "a"), at(2, "take", "a"), at(2, "take", "z")], {"invented": 1}),
    (Queue(), [at(0, "put", "a"), unknown(at(1, "put", "b")), at(2, "take", "a")], {}),
    (Unique(), [at(0, "generate", 1), at(1, "generate", 2)], {}),
    (Unique(), [at(0, "generate", 1), at(1, "generate", 2), at(2, "generate", 1, client=1)], {"duplicated": 1}),
    (Unique(), [at(0, "generate", 1, key="a"), at(1, "generate", 1, key="b")], {}),
    (bank(100), [at(0, "snapshot", {"a": 60, "b": 40})], {}),
    (bank(100), [at(0, "snapshot", {"a": 60, "b": 39})], {"violated": 1}),
    (bank(100), [at(0, "snapshot", {"a": 101, "b": -1})], {"violated": 1}),
    (bank(100, overdraft=True), [at(0, "snapshot", {"a": 101, "b": -1})], {}),
    (Invariant("somebody is on call", any), [at(0, "snapshot", (True, False))], {}),
    (Invariant("somebody is on call", any), [at(0, "snapshot", (False, False))], {"violated": 1}),
    (ReadYourWrites(), [at(0, "write", 1), at(1, "read", 1), at(2, "read", 5)], {}),
    (ReadYourWrites(), [at(0, "write", 2), at(1, "read", 1)], {"stale": 1}),
    (ReadYourWrites(), [at(0, "write", 2), at(1, "read", None)], {"stale": 1}),
    (ReadYourWrites(), [unknown(at(0, "write", 2)), at(0, "write", 1), at(1, "read", 1)], {}),
    (ReadYourWrites(), [at(0, "write", 1), at(0, "write", 2, client=1), at(1, "read", 1)], {}),
    (MonotonicReads(), [at(0, "read", 1), at(1, "read", 1), at(2, "read", 3)], {}),
    (MonotonicReads(), [at(0, "read", 3), at(1, "read", 1), at(2, "read", 3)], {"went back": 1}),
    (MonotonicReads(), [at(0, "read", 3), at(1, "read", 1, client=1), at(2, "read", 3)], {}),
    (Files(), [at(0, "upload", "h", key="f"), at(1, "download", "h", key="f")], {}),
    (Files(), [at(0, "upload", "h", key="f"), at(1, "download", "g", key="f")], {"corrupted": 1}),
    (Files(), [at(0, "upload", "h", key="f"), at(1, "download", None, key="f")], {"lost": 1}),
    (Files(), [at(0, "upload", "h"), at(1, "upload", "i"), at(2, "download", "h")], {"stale": 1}),
    (Files(), [at(0, "upload", "h"), at(1, "upload", "i", s=9), at(2, "download", "h")], {}),
    (Files(), [at(0, "upload", "h"), unknown(at(1, "upload", "i")), at(2, "download", "h")], {}),
    (Files(), [at(0, "download", None)], {}),
    (Sequences(), [at(0, "send", 1), at(1, "send", 2), at(2, "receive", 1), at(3, "receive", 2)], {}),
    (Sequences(), [at(0, "send", 1), at(1, "send", 2), at(3, "receive", 2)], {"lost": 1}),
    (Sequences(), [at(0, "send", 1), at(2, "receive", 1), at(3, "receive", 1)], {"duplicated": 1}),
    (Sequences(), [at(0, "send", 1), at(1, "send", 2), at(2, "receive", 2), at(3, "receive", 1)], {"reordered": 1}),
    (Sequences(), [unknown(at(0, "send", 1)), at(1, "send", 2), at(2, "receive", 2), at(3, "receive", 1)], {}),
    (
        Sequences(),
        [at(0, "send", 1), unknown(at(1, "send", 2)), at(2, "receive", 2), at(3, "receive", 1)],
        {"reordered": 1},
    ),
    (Sequences(), [at(0, "send", 1), at(2, "receive", 1), at(3, "receive", 9)], {"invented": 1}),
    (Sequences(), [at(0, "send", 1), unknown(at(1, "send", 2)), at(2, "receive", 1)], {}),
]


@pytest.mark.parametrize(("checker", "history", "expected"), FAULTS, ids=lambda one: repr(one)[:60])
def test_what_is_found(checker: Checker, history: list[Event], expected: dict[str, int]) -> None:
    found = checker.check(history)
    assert kinds(found) == expected
    assert found.verdict is (Verdict.FAIL if expected else Verdict.PASS)
    assert checker.promise in str(found)


def many(count: int = 10_000) -> list[Event]:
    sent = [at(number, "send", number) for number in range(count)]
    return sent + [at(number + 1, "receive", number) for number in range(count)]


def lose(received: list[Event], at_: int) -> None:
    del received[at_]


def twice(received: list[Event], at_: int) -> None:
    received.insert(at_, replace(received[at_], ended_s=received[at_].ended_s + 0.1))


def swap(received: list[Event], at_: int) -> None:
    one, other = received[at_], received[at_ + 1]
    received[at_], received[at_ + 1] = replace(one, result=other.result), replace(other, result=one.result)


@pytest.mark.parametrize(("fault", "kind"), [(lose, "lost"), (twice, "duplicated"), (swap, "reordered")])
@given(seed=st.integers(0, 9_998))
def test_one_fault_in_ten_thousand_messages(fault: Callable[[list[Event], int], None], kind: str, seed: int) -> None:
    history = many(200)
    sent, received = history[:200], history[200:]
    fault(received, seed % 199)
    assert kinds(Sequences().check([*sent, *received])) == {kind: 1}


def test_the_first_problems_are_shown_and_all_are_counted() -> None:
    found = Sequences().check(many(1000)[:1000])
    assert (len(found.problems), kinds(found)) == (20, {"lost": 1000})
    assert "1,000 lost" in str(found)


@given(st.integers(0, 10**6))
def test_a_counter_that_counts_passes_at_any_interleaving(seed: int) -> None:
    draw = random.Random(seed)
    total, history = 0, []
    for moment in sorted(draw.uniform(0, 20) for _ in range(30)):
        begin, end = moment - draw.random(), moment + draw.random()
        amount = draw.randint(-5, 5)
        if draw.random() < 0.3:
            history.append(replace(at(0, "read", total), began_s=begin, ended_s=end))
        else:
            total += amount
            history.append(replace(at(0, "add", amount), began_s=begin, ended_s=end))
    assert Counter().check([*history, at(99, "read", total)]).verdict is Verdict.PASS
    assert Counter().check([*history, at(99, "read", total + 1)]).verdict is Verdict.FAIL


def test_an_event_reads_like_a_sentence() -> None:
    assert str(unknown(at(1, "write", 5, key="x"))) == "client 0: write of 'x' 5 (unknown) [1.000000, 1.500000]"
    assert str(at(1, "read", 5)) == "client 0: read → 5 [1.000000, 1.500000]"
