"""The grammar of objectives.

::

    objective = METRIC ["of" NAME] ["in" PHASE] OPERATOR QUANTITY ["over" DURATION | "for" DURATION]
    METRIC    = p50 | p95 | p99.9 | … | mean | maximum | error_rate | throughput | count | interrupted
              | users | arrivals | dropped | consistency | recovery_time | memory_peak | cpu_mean
    NAME      = text in single or double quotes, or one word
    PHASE     = warm_up | ramp | steady | spike | cool_down | fault | recovery | a step's own name in quotes
    OPERATOR  = < | <= | > | >= | ==
    QUANTITY  = a number with a unit of the metric's dimension

`over 10 s`: must hold in every window of 10 s. `for 5 s`: broken when it was violated for 5 s on end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_roo_load.core.profiles import STEADY
from pytest_roo_load.core.sla.objective import AT_THE_END, METRICS, Metric, Objective, Subject, metric_named
from pytest_roo_load.core.suggestion import did_you_mean
from pytest_roo_load.core.units import Dimension, parse_quantity
from pytest_roo_load.errors import UsageError

__all__ = ["PHASES", "parse_objective"]

PHASES = ("warm_up", "ramp", "steady", "spike", "cool_down", "fault", "recovery")
_ALLOWED_METRICS = ", ".join(("p50 … p99.9", *METRICS))
_EXAMPLES = ("p50", "p90", "p95", "p99", "p99.9", *METRICS)
_FORM = "METRIC [of 'NAME'] [in PHASE] < VALUE [over WINDOW | for DURATION]"
_NAME = r"""'[^']*'|"[^"]*"|[^\s<>='"]+"""
_OBJECTIVE = re.compile(
    rf"""\s*(?P<metric>[^\s<>=]+)
    (?:\s+of\s+(?P<of>{_NAME}))?
    (?:\s+in\s+(?P<phase>{_NAME}))?
    \s*(?P<operator><=|>=|==|<|>)\s*
    (?P<value>.+?)
    (?:\s+(?P<window>over|for)\s+(?P<length>[^<>=]+?))?\s*""",
    re.VERBOSE,
)
_LATE = re.compile(rf"\s+(?:of|in)\s+(?:{_NAME})$")


def parse_objective(text: str, source: str = "objective") -> Objective:
    """The objective that a line of text states.

    Args:
        text: See the grammar at the top of this module.
        source: Where it was written, for messages: file and line, marker or option.

    Raises:
        UsageError: With `source` as its place, the value, what is allowed, and a suggestion for a misspelt word.
    """
    try:
        return _parse(text, source)
    except UsageError as error:
        raise error.at(f"{source}: objective {text!r}") from None


def _parse(text: object, source: str) -> Objective:
    if not isinstance(text, str):
        raise UsageError("an objective is text", value=text, allowed=_FORM)
    match = _OBJECTIVE.fullmatch(text)
    if match is None:
        raise UsageError("not an objective", value=text, allowed=_FORM, remedy='for example "p95 < 3 s"')
    metric = _metric(match["metric"])
    if late := _LATE.search(match["value"]):
        right = f"{match['metric']}{late[0]} {match['operator']} {match['value'][: late.start()]}"
        raise UsageError("'of' and 'in' come before the limit", value=text, allowed=_FORM, remedy=f'write "{right}"')
    window = _window(match["window"], match["length"], metric)
    return Objective(
        text=text.strip(),
        metric=metric,
        operator=match["operator"],
        limit=_limit(match["value"], metric),
        of=_of(match["of"], metric),
        phase=_phase(match["phase"], metric),
        over_s=window.over_s,
        for_s=window.for_s,
        source=source,
        phase_named=match["phase"] is not None,
    )


def _metric(word: str) -> Metric:
    metric = metric_named(word)
    if metric is None:
        raise UsageError("unknown metric", value=word, allowed=_ALLOWED_METRICS, remedy=did_you_mean(word, _EXAMPLES))
    return metric


def _limit(text: str, metric: Metric) -> float:
    limit = parse_quantity(text, metric.dimension)
    if limit < 0:
        raise UsageError(f"a limit of {metric.name} is out of range", value=text, allowed="0 or more")
    if metric.dimension is Dimension.RATIO and limit > 1:
        raise UsageError(f"a limit of {metric.name} is out of range", value=text, allowed="0 % to 100 %")
    return limit


def _of(word: str | None, metric: Metric) -> str | None:
    if word is None:
        return None
    if metric.subject is Subject.RUN:
        raise UsageError(f"{metric.name} belongs to the whole run", value=f"of {word}", allowed="no 'of'")
    return _unquoted(word)


def _phase(word: str | None, metric: Metric) -> str:
    if word is None:
        return STEADY
    if metric.subject is Subject.PROCESS and _unquoted(word) != STEADY:
        raise UsageError("resources are watched in the steady phase only", value=f"in {word}", allowed="no 'in'")
    if metric.name == "recovery_time":
        raise UsageError("recovery_time begins where a fault ends", value=f"in {word}", allowed="no 'in'")
    if word == _unquoted(word) and word not in PHASES:
        allowed = f"{', '.join(PHASES)}, or a step's own name in quotes"
        raise UsageError("unknown phase", value=word, allowed=allowed, remedy=did_you_mean(word, PHASES))
    return _unquoted(word)


def _unquoted(word: str) -> str:
    return word[1:-1] if word[:1] in {"'", '"'} else word


@dataclass(frozen=True, slots=True)
class _Window:
    over_s: float | None = None
    for_s: float | None = None


def _window(word: str | None, length: str | None, metric: Metric) -> _Window:
    if word is None or length is None:
        return _Window()
    if metric.subject is Subject.PROCESS:
        raise UsageError("resources have no windows", value=f"{word} {length}", allowed="no 'over' and no 'for'")
    if metric.name in AT_THE_END:
        raise UsageError(
            f"{metric.name} is known at the end only", value=f"{word} {length}", allowed="no 'over', no 'for'"
        )
    length_s = parse_quantity(length, Dimension.TIME)
    if length_s < 1 or not length_s.is_integer():
        raise UsageError("not a window", value=length, allowed="whole seconds, 1 s or more")
    return _Window(over_s=length_s) if word == "over" else _Window(for_s=length_s)
