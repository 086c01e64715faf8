from dataclasses import fields, replace
from typing import Any

import pytest

from pytest_roo_load.core.validity import CHECKS, LIMITS, Health, Limits
from pytest_roo_load.core.verdict import Verdict, worst

WELL = Health(name="local-0", pid=42, lag_p95_s=0.002, lag_max_s=0.3, starved=0.05, cpu=0.4, gc_pause_max_s=0.001)


def test_a_generator_within_its_limits_has_no_problem() -> None:
    limits: dict[str, Any] = {check.key: getattr(LIMITS, check.key) for check in CHECKS}
    at_the_limits = replace(WELL, **limits)

    assert WELL.problems() == []
    assert at_the_limits.problems() == []


def test_what_could_not_be_looked_at_is_no_problem() -> None:
    assert replace(WELL, lag_p95_s=None, lag_max_s=None, starved=None, cpu=None).problems() == []


@pytest.mark.parametrize(
    ("sick", "facts"),
    [
        (replace(WELL, lag_p95_s=0.31), ("local-0", "310 ms late", "limit 100 ms", "--roo-generators")),
        (replace(WELL, starved=0.8), ("local-0", "80 %", "limit 50 %", "stop other work")),
        (replace(WELL, cpu=0.99), ("local-0", "99 % of a core", "limit 95 %", "--roo-generators")),
        (replace(WELL, gc_share=0.06), ("local-0", "garbage 6 %", "limit 5 %", "fewer objects")),
        (replace(WELL, behind=0.011), ("local-0", "1.1 % of its arrivals", "limit 1 %", "a lower rate")),
    ],
)
def test_each_limit_passed_is_a_problem_with_its_remedy(sick: Health, facts: tuple[str, ...]) -> None:
    problems = sick.problems()

    assert len(problems) == 1
    assert [fact for fact in facts if fact not in problems[0]] == []


def test_all_problems_are_told_at_once() -> None:
    everything: dict[str, Any] = dict.fromkeys((check.key for check in CHECKS), 1.0)
    assert len(replace(WELL, **everything).problems()) == len(CHECKS) == 5


def test_every_limit_is_checked_and_has_its_words() -> None:
    assert [check.key for check in CHECKS] == [field.name for field in fields(Limits)]
    assert [check.title for check in CHECKS if "{}" not in check.told or not check.remedy] == []


def test_dropped_arrivals_are_no_fault_of_the_generator() -> None:
    assert replace(WELL, dropped=1.0).problems() == []


def test_other_limits_may_be_given() -> None:
    assert len(WELL.problems(Limits(cpu=0.3))) == 1


ORDER = [Verdict.PASS, Verdict.NO_DATA, Verdict.INVALID, Verdict.FAIL]


@pytest.mark.parametrize("one", ORDER)
@pytest.mark.parametrize("other", ORDER)
def test_the_worse_of_two_verdicts_is_that_of_both(one: Verdict, other: Verdict) -> None:
    assert worst([one, other]) is ORDER[max(ORDER.index(one), ORDER.index(other))]


def test_nothing_at_all_is_no_data() -> None:
    assert worst([]) is Verdict.NO_DATA
