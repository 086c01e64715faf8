from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.consistency.totals import accounted, agree, none_broken
from pytest_roo_load.core.verdict import Verdict


def test_sums_agree_or_are_shown() -> None:
    assert agree("sums agree", {"a": 3, "b": 3}, over=7).verdict is Verdict.PASS
    assert agree("sums agree", {"a": 3, "b": 3}, over=0).verdict is Verdict.NO_DATA
    broken = agree("sums agree", {"a": 3, "b": 4}, over=7)
    assert (broken.verdict, broken.problems[0].text) == (Verdict.FAIL, "a 3, b 4")


@given(st.lists(st.integers(-5000, 5000)), st.lists(st.tuples(st.integers(-5000, 5000), st.booleans())))
def test_any_part_of_what_is_unknown_may_have_happened(
    acknowledged: list[int], doubtful: list[tuple[int, bool]]
) -> None:
    happened = sum(acknowledged) + sum(effect for effect, done in doubtful if done)

    found = accounted(
        "all is there", happened, acknowledged=sum(acknowledged), unknown=[one for one, _ in doubtful], over=1
    )

    assert found.verdict is Verdict.PASS


def test_one_commit_of_ten_thousand_that_is_lost_is_found() -> None:
    lost = accounted("all is there", 9_999, acknowledged=10_000, unknown=[], over=10_000)
    assert (lost.verdict, lost.count) == (Verdict.FAIL, (("lost", 1),))
    invented = accounted("all is there", 10_003, acknowledged=10_000, unknown=[1, 1], over=10_000)
    assert invented.problems[0].text == "found 10,003, acknowledged 10,000 to 10,002"


def test_exceptions_are_counted_all_and_kept_to_twenty() -> None:
    found = none_broken("none is below 0", [f"pair {number}" for number in range(30)], checked=50)
    assert (len(found.problems), found.broken, found.checked) == (20, 30, 50)
