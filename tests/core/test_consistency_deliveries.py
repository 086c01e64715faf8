from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.consistency.deliveries import Produced, Taken, check_deliveries
from pytest_roo_load.core.verdict import Verdict


def took(pairs: Sequence[tuple[int, int]], again: Sequence[int] = ()) -> Taken:
    return Taken(
        producers=np.array([producer for producer, _ in pairs], dtype=np.int64),
        numbers=np.array([number for _, number in pairs], dtype=np.int64),
        again=np.array([at in again for at in range(len(pairs))], dtype=bool),
    )


def kinds(produced: dict[int, Produced], *taken: Taken) -> dict[str, int]:
    return {kind: number for finding in check_deliveries(produced, taken) for kind, number in finding.count}


@given(sent=st.dictionaries(st.integers(0, 5), st.integers(0, 40), max_size=4), draw=st.randoms(use_true_random=False))
def test_every_way_to_share_messages_in_order_is_right(sent: dict[int, int], draw: object) -> None:
    consumers: list[list[tuple[int, int]]] = [[], [], []]
    for producer, messages in sent.items():
        for number in range(messages):
            draw.choice(consumers).append((producer, number))  # type: ignore[attr-defined]

    findings = check_deliveries({key: Produced(sent=n) for key, n in sent.items()}, [took(one) for one in consumers])

    assert {finding.verdict for finding in findings} == {Verdict.PASS if sum(sent.values()) else Verdict.NO_DATA}


ALL = [(producer, number) for number in range(2500) for producer in range(4)]
SENT = {producer: Produced(sent=2500) for producer in range(4)}


@pytest.mark.parametrize("at", [0, 17, 4999, 9999])
def test_one_fault_in_ten_thousand_is_found_and_named(at: int) -> None:
    other = at - 4 if at >= 4 else at + 4
    swapped = list(ALL)
    swapped[at], swapped[other] = swapped[other], swapped[at]

    assert kinds(SENT, took(ALL)) == {}
    assert kinds(SENT, took([*ALL[:at], *ALL[at + 1 :]])) == {"lost": 1}
    assert kinds(SENT, took(ALL), took([ALL[at]])) == {"duplicated": 1}
    assert kinds(SENT, took(swapped)) == {"reordered": 1}
    assert kinds(SENT, took([*ALL, (1, 2500)])) == {"invented": 1}
    (lost, *_) = check_deliveries(SENT, [took([*ALL[:at], *ALL[at + 1 :]])])
    assert lost.problems[0].text == f"message {ALL[at][1]} of producer {ALL[at][0]} is lost"


def test_what_was_never_answered_may_be_missing_or_there() -> None:
    doubtful = {0: Produced(sent=3, unknown=frozenset({2}))}

    assert kinds(doubtful, took([(0, 0), (0, 1)])) == {}
    assert kinds(doubtful, took([(0, 0), (0, 1), (0, 2)])) == {}
    assert kinds(doubtful, took([(0, 0)])) == {"lost": 1}


def test_what_was_never_answered_may_come_late() -> None:
    doubtful = {0: Produced(sent=3, unknown=frozenset({1}))}

    assert kinds(doubtful, took([(0, 0), (0, 2), (0, 1)])) == {}
    assert kinds(doubtful, took([(0, 2), (0, 0), (0, 1)])) == {"reordered": 1}


def test_what_was_handed_out_again_may_come_late_and_twice_but_not_be_missing() -> None:
    assert kinds({0: Produced(sent=3)}, took([(0, 0), (0, 2), (0, 1), (0, 2)], again=(2, 3))) == {}
    assert kinds({0: Produced(sent=3)}, took([(0, 0), (0, 2), (0, 2)], again=(2,))) == {"lost": 1}
