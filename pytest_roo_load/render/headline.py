"""The first thing a reader sees: the title, the verdict of the whole run, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_roo_load.core.capacity import Capacity
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.render import figures
from pytest_roo_load.render.marks import INCOMPLETE, Mark, mark_of, worst_mark
from pytest_roo_load.render.measurement import heading_of, mark_of_test
from pytest_roo_load.render.reading import JSON, interrupted

__all__ = ["Headline", "headline"]

_FINISHED = "complete"
_PASS, _FAIL = mark_of("pass"), mark_of("fail")
_SAID = {
    "pass": "passed",
    "fail": "failed",
    "invalid": "invalid",
    "no data": "without data",
    "incomplete": "incomplete",
    "not offered": "not offered by the target",
}
_MOST_PROBLEMS = 5
_MOST_SEARCHES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The first lines of a report.

    Attributes:
        title: How many tests met their SLA.
        marks: One or two: a run can have failed and be incomplete.
        totals: How many tests there are of each verdict.
        sentences: Why.
        warnings: What makes the figures less than they seem.
    """

    title: str
    marks: tuple[Mark, ...]
    totals: str
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]


def headline(run: JSON, results: Sequence[JSON]) -> Headline:
    """What the results of a run come to. An incomplete run never reads as a pass."""
    marks = [mark_of_test(result) for result in results]
    finished = run["status"] == _FINISHED
    sentences = [*_unfinished(run), *_why(results, marks)]
    return Headline(
        title=_title(results, marks, finished=finished),
        marks=_overall(marks, finished=finished),
        totals=_totals(marks),
        sentences=tuple(sentences),
        warnings=(*_problems(results), *_interrupted(results)),
    )


def _title(results: Sequence[JSON], marks: Sequence[Mark], *, finished: bool) -> str:
    if not marks:
        return "Nothing was measured"
    met = sum(mark == _PASS for mark in marks)
    if met == len(marks) and not any(map(_objectives, results)):
        if found := [search for result in results for search in _searches(result)]:
            return (
                str(Capacity.from_dict(found[0])).capitalize() if len(found) == 1 else f"{len(found)} capacities found"
            )
        return f"{figures.plural(met, 'test')} measured, nothing judged"
    ended = "" if finished else " measured so far"
    return f"{met} of {figures.plural(len(marks), 'test')}{ended} met {'its' if len(marks) == 1 else 'their'} SLA"


def _totals(marks: Sequence[Mark]) -> str:
    numbers = Counter(mark.word for mark in marks)
    return ", ".join(f"{numbers[word]} {said}" for word, said in _SAID.items() if numbers[word])


def _problems(results: Sequence[JSON]) -> list[str]:
    """What the generators had to say, of the first tests in full."""
    found = [(result, problem) for result in results for run in result["runs"] for problem in run.get("problems") or ()]
    told = [f"“{heading_of(result)}”: {problem}" for result, problem in found[:_MOST_PROBLEMS]]
    rest = len(found) - len(told)
    return [*told, f"{figures.plural(rest, 'more problem')} in other tests."] if rest else told


def _interrupted(results: Sequence[JSON]) -> list[str]:
    by_test = [sum(map(interrupted, result["runs"])) for result in results]
    if not any(by_test):
        return []
    tests = figures.plural(sum(map(bool, by_test)), "test")
    operations = figures.plural(sum(by_test), "operation")
    return [f"{operations} of {tests} did not end with the load: interrupted, neither succeeded nor failed."]


def _overall(marks: Sequence[Mark], *, finished: bool) -> tuple[Mark, ...]:
    overall = worst_mark(marks)
    if finished:
        return (overall,)
    return (INCOMPLETE,) if overall in (_PASS, INCOMPLETE) or not marks else (overall, INCOMPLETE)


def _unfinished(run: JSON) -> list[str]:
    if run["status"] == _FINISHED:
        return []
    if run["status"] == "running":
        return ["Incomplete: the run was still going on, or died, when this report was written."]
    return [f"Incomplete: the run ended before all its tests had ({run.get('reason') or 'no reason was recorded'})."]


def _why(results: Sequence[JSON], marks: Sequence[Mark]) -> list[str]:
    if not results:
        return ["No test recorded a measurement, so there is nothing to judge."]
    searched = [line for result in results for line in _searched(result)][:_MOST_SEARCHES]
    if all(mark == _PASS for mark in marks):
        return [*filter(None, [_all_met(results)]), *searched]
    failures = _failures(results, marks)
    others = Counter(mark.word for mark in marks if mark not in (_PASS, _FAIL))
    return (
        failures + searched + [_OTHERS[word].format(figures.plural(number, "test")) for word, number in others.items()]
    )


def _all_met(results: Sequence[JSON]) -> str:
    number = sum(len(_objectives(result)) for result in results)
    without = sum(not (_objectives(result) or result.get("capacities")) for result in results)
    judged = f"Judged and met: {figures.plural(number, 'objective')}." if number else ""
    unjudged = f"Measured without any objective to meet: {figures.plural(without, 'test')}." if without else ""
    return f"{judged} {unjudged}".strip()


def _searched(result: JSON) -> list[str]:
    """What was found, and what it goes by."""
    return [
        f"“{heading_of(result)}”: {Capacity.from_dict(one)} for {', '.join(one['objectives'])}."
        for one in _searches(result)
    ]


def _searches(result: JSON) -> list[JSON]:
    """Those that a test has made itself."""
    return [one for one in result.get("capacities") or () if one["found_by"] == result["test"]["name"]]


def _objectives(result: JSON) -> list[JSON]:
    return [objective for run in result["runs"] for objective in run.get("objectives") or ()]


_OTHERS = {
    "invalid": "{}: the measurement is invalid, so its latencies say nothing.",
    "no data": "{}: nothing could be judged, or samples were missing.",
    "incomplete": "{}: interrupted before the end.",
    "not offered": "{}: the target does not offer what it needs, so it is no pass.",
}


def _failures(results: Sequence[JSON], marks: Sequence[Mark]) -> list[str]:
    """The first objective that was missed, in full, and how many more there are."""
    failed = [result for result, mark in zip(results, marks, strict=True) if mark == _FAIL]
    missed = [(result, objective) for result in failed for objective in _missed(result)]
    sentences = []
    if missed:
        more = f" {figures.plural(len(missed) - 1, 'more objective')} missed." if len(missed) > 1 else ""
        sentences.append(f"{_in_words(*missed[0])}{more}")
    sentences += [f"“{heading_of(result)}” broke a promise: {one}." for result in failed for one in _broken(result)]
    own = [result for result in failed if not _missed(result) and not _broken(result)]
    if own:
        names = ", ".join(f"“{heading_of(result)}”" for result in own)
        sentences.append(f"Failed without a missed objective: {names}.")
    return sentences


def _missed(result: JSON) -> list[JSON]:
    return [objective for objective in _objectives(result) if mark_of(objective["verdict"]) == _FAIL]


def _broken(result: JSON) -> list[str]:
    """What was found against each promise that was not kept."""
    of_runs = [found for run in result["runs"] for found in run.get("findings") or ()]
    broken = [found for found in [*(result.get("findings") or ()), *of_runs] if mark_of(found["verdict"]) == _FAIL]
    return [f"{found['promise']} – {_counts(found['count'])}" for found in broken]


def _counts(count: JSON) -> str:
    return ", ".join(f"{figures.count(number)} {kind}" for kind, number in count.items())


def _in_words(result: JSON, objective: JSON) -> str:
    measured = figures.quantity(objective["measured"], Dimension(objective["dimension"]))
    return f"“{heading_of(result)}” missed {objective['text']}: it measured {measured}."
