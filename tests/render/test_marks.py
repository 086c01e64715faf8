import pytest

from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.render.marks import INCOMPLETE, mark_of, worst_mark


def test_every_mark_differs_in_word_sign_and_tone() -> None:
    marks = [*(mark_of(verdict) for verdict in Verdict), INCOMPLETE]

    for attribute in ("word", "sign", "tone"):
        assert len({getattr(mark, attribute) for mark in marks}) == 5


def test_a_mark_has_the_word_of_its_verdict() -> None:
    assert [mark_of(verdict).word for verdict in Verdict] == [verdict.value for verdict in Verdict]
    assert mark_of("no data") is mark_of(Verdict.NO_DATA)


def test_a_word_that_is_no_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="great"):
        mark_of("great")


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["pass", "pass"], "pass"), (["pass", "no data"], "no data"), (["invalid", "no data"], "invalid"),
     (["pass", "fail", "invalid"], "fail"), ([], "no data")],
)  # fmt: skip
def test_the_worst_verdict_is_that_of_the_whole(words: list[str], expected: str) -> None:
    assert worst_mark(mark_of(word) for word in words).word == expected


def test_an_interrupted_test_never_lets_the_whole_pass() -> None:
    assert worst_mark([mark_of("pass"), INCOMPLETE]) is INCOMPLETE
    assert worst_mark([mark_of("fail"), INCOMPLETE]).word == "fail"
