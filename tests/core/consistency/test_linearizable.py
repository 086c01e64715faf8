from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_roo_load.core.consistency import linearizable
from pytest_roo_load.core.consistency.history import Event, Outcome, possible
from pytest_roo_load.core.consistency.linearizable import IMPOSSIBLE, Linearizable, Register, linearization
from pytest_roo_load.core.verdict import Verdict


def event(client: int, kind: str, span: tuple[float, float], *, value: object = None, result: object = None) -> Event:
    return Event(client=client, kind=kind, key="x", value=value, result=result, began_s=span[0], ended_s=span[1])


def linearizable_history(seed: int, operations: int, clients: int = 5) -> list[Event]:
    """What clients of a register saw whose operations happened at once, at a moment within each."""
    draw = random.Random(seed)
    pending: list[tuple[float, float, float, int]] = []
    for client in range(clients):
        moment = draw.random()
        for _ in range(operations // clients):
            began, end = moment, moment + draw.expovariate(1)
            pending.append((draw.uniform(began, end), began, end, client))
            moment = end + draw.expovariate(5)
    state, history = None, []
    for number, (_, began, end, client) in enumerate(sorted(pending)):
        kind = draw.choice(["read", "read", "write", "cas"])
        if kind == "read":
            history.append(event(client, "read", (began, end), result=state))
        elif kind == "write":
            state = number
            history.append(event(client, "write", (began, end), value=number))
        else:
            history.append(event(client, "cas", (began, end), value=(state, number)))
            state = number
    return history


def with_unknown(history: Sequence[Event], seed: int) -> list[Event]:
    """Some answers were lost on the way; what they would have said is not known."""
    draw = random.Random(seed)
    return [replace(one, outcome=Outcome.UNKNOWN) if draw.random() < 0.05 else one for one in history]


def with_a_stale_read(history: Sequence[Event], seed: int) -> list[Event] | None:
    """A read gives what was overwritten, by one that had ended before it began, before anybody could write it again."""
    draw = random.Random(seed)
    reads = [one for one in history if one.kind == "read"]
    draw.shuffle(reads)
    for read in reads:
        before = [one for one in history if one.kind == "write" and one.ended_s < read.began_s]
        for old, new in itertools.permutations(sorted(before, key=lambda one: one.ended_s)[-4:], 2):
            if old.ended_s < new.began_s:
                return [replace(one, result=old.value) if one is read else one for one in history]
    return None


def by_brute_force(events: Sequence[Event]) -> bool:
    """Every order of every choice of the uncertain operations."""
    sure = [one for one in events if one.outcome is Outcome.OK]
    maybe = [one for one in possible(events) if one.outcome is Outcome.UNKNOWN]
    register = Register()
    for size in range(len(maybe) + 1):
        for chosen in itertools.combinations(maybe, size):
            for order in itertools.permutations([*sure, *chosen]):
                if any(b.latest_s < a.began_s for a, b in itertools.combinations(order, 2)):
                    continue
                state: object = None
                for one in order:
                    state = register.step(state, one)
                    if state is IMPOSSIBLE:
                        break
                else:
                    return True
    return False


@given(st.integers(0, 10**9))
@settings(max_examples=100)
def test_histories_of_a_real_register_are_linearizable(seed: int) -> None:
    history = linearizable_history(seed, 60)
    assert Linearizable().check(history).verdict is Verdict.PASS
    assert Linearizable().check(with_unknown(history, seed)).verdict is Verdict.PASS


@pytest.mark.parametrize("seed", range(100))
def test_mutated_histories_are_told_apart(seed: int) -> None:
    mutated = with_a_stale_read(linearizable_history(seed, 100), seed)
    assert mutated is not None
    found = Linearizable().check(mutated)
    assert found.verdict is Verdict.FAIL
    assert found.count == (("not linearizable", 1),)
    assert found.problems[0].events


moments = st.integers(0, 12)
small = st.builds(
    lambda client, kind, begin, length, value, outcome: Event(
        client=client,
        kind=kind,
        key="x",
        value=None if kind == "read" else value if kind == "write" else (value, (value + 1) % 3),
        result=value if kind == "read" else None,
        began_s=begin,
        ended_s=begin + length,
        outcome=outcome,
    ),
    st.integers(0, 3),
    st.sampled_from(["read", "write", "cas"]),
    moments,
    st.integers(1, 6),
    st.integers(0, 2),
    st.sampled_from([Outcome.OK, Outcome.OK, Outcome.OK, Outcome.UNKNOWN, Outcome.FAILED]),
)


@given(st.lists(small, max_size=5))
@settings(max_examples=300)
def test_the_search_agrees_with_trying_every_order(history: list[Event]) -> None:
    _, stuck = linearization(history, Register())
    assert (stuck is None) == by_brute_force(history)


def test_the_order_that_is_found_explains_every_answer() -> None:
    history = linearizable_history(3, 50)
    order, stuck = linearization(history, Register())
    assert stuck is None
    assert sorted(order, key=id) == sorted(history, key=id)
    state: object = None
    for one in order:
        state = Register().step(state, one)
        assert state is not IMPOSSIBLE


def test_two_thousand_operations_take_few_positions() -> None:
    assert Linearizable().check(linearizable_history(7, 2000)).verdict is Verdict.PASS
    mutated = with_a_stale_read(linearizable_history(8, 2000), 8)
    assert mutated is not None
    assert Linearizable().check(mutated).verdict is Verdict.FAIL


def test_a_lost_write_is_found_in_the_key_that_has_it() -> None:
    history = [
        event(0, "write", (0, 1), value=1),
        event(1, "read", (2, 3), result=1),
        event(0, "write", (4, 5), value=2),
        event(1, "read", (6, 7), result=1),
        replace(event(1, "read", (8, 9), result=None), key="y"),
    ]
    found = Linearizable().check(history)
    assert "read of 'x' by client 1 cannot have given 1" in str(found)


def test_a_write_that_timed_out_may_have_happened_or_not() -> None:
    doubtful = replace(event(0, "write", (0, 1), value=1), outcome=Outcome.UNKNOWN)
    for result in (None, 1):
        assert Linearizable().check([doubtful, event(1, "read", (5, 6), result=result)]).verdict is Verdict.PASS
    came_back = [doubtful, event(1, "read", (5, 6), result=1), event(1, "read", (7, 8), result=None)]
    assert Linearizable().check(came_back).verdict is Verdict.FAIL


def test_what_certainly_failed_has_no_effect() -> None:
    refused = replace(event(0, "write", (0, 1), value=1), outcome=Outcome.FAILED)
    assert Linearizable().check([refused, event(1, "read", (5, 6), result=1)]).verdict is Verdict.FAIL


def test_without_reads_there_is_no_data() -> None:
    assert Linearizable().check([]).verdict is Verdict.NO_DATA
    assert Linearizable().check([event(0, "write", (0, 1), value=1)]).verdict is Verdict.NO_DATA


def test_too_many_orders_are_undecided_and_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearizable, "_MOST_POSITIONS", 5)
    found = Linearizable().check(linearizable_history(1, 50))
    assert found.verdict is Verdict.INVALID
    assert "use more keys" in found.problems[0].text
