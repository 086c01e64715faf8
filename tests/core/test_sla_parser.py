import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_roo_load.core.sla.objective import AT_THE_END, METRICS, Objective, Subject, metric_named
from pytest_roo_load.core.sla.parser import PHASES, parse_objective
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.errors import UsageError

PERCENTILES = ("p1", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "p100")
OPERATORS = ("<", "<=", ">", ">=", "==")
VALUES = {
    Dimension.TIME: ("3 s", 3.0),
    Dimension.SIZE: ("500 MB", 5e8),
    Dimension.RATIO: ("70 %", 0.7),
    Dimension.RATE: ("1000 requests/min", 1000 / 60),
    Dimension.COUNT: ("100", 100.0),
}


def tails_of(name: str) -> list[tuple[str, str | None, str, float | None, float | None]]:
    """Text between metric and operator, text after the value, and what they mean."""
    found = metric_named(name)
    assert found is not None
    of = (
        [("", None)]
        if found.subject is Subject.RUN
        else [("", None), (" of 'GET /a b'", "GET /a b"), (" of ccs", "ccs")]
    )
    phases = ["", " in steady"] if found.subject is Subject.PROCESS else ["", " in steady", " in fault"]
    phases = [""] if name == "recovery_time" else phases
    plain = found.subject is Subject.PROCESS or name in AT_THE_END
    windows = (
        [("", None, None)] if plain else [("", None, None), (" over 10 s", 10.0, None), (" for 2 min", None, 120.0)]
    )
    return [
        (f"{of_text}{phase}|{window}", named, phase.removeprefix(" in ") or "steady", over, streak)
        for (of_text, named), phase, (window, over, streak) in itertools.product(of, phases, windows)
    ]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("name", [*PERCENTILES, *METRICS])
def test_every_metric_takes_every_operator_and_tail_that_makes_sense_for_it(name: str, operator: str) -> None:
    found = metric_named(name)
    assert found is not None
    value, limit = VALUES[found.dimension]
    for tail, of, phase, over_s, for_s in tails_of(name):
        before, after = tail.split("|")
        text = f"{name}{before} {operator} {value}{after}"
        assert parse_objective(f"  {text} ", "sla.toml:3") == Objective(
            text=text,
            metric=found,
            operator=operator,
            limit=limit,
            of=of,
            phase=phase,
            over_s=over_s,
            for_s=for_s,
            source="sla.toml:3",
            phase_named=" in " in before,
        )


names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="'"), max_size=20)


@given(
    name=st.sampled_from([*PERCENTILES, "mean", "maximum"]),
    of=st.none() | names,
    phase=st.none() | names,
    operator=st.sampled_from(OPERATORS),
    limit=st.integers(0, 10_000),
    window=st.none() | st.tuples(st.sampled_from(["over", "for"]), st.integers(1, 9999)),
)
def test_what_is_written_is_what_is_parsed(
    name: str,
    of: str | None,
    phase: str | None,
    operator: str,
    limit: int,
    window: tuple[str, int] | None,
) -> None:
    parts = [
        name,
        *([] if of is None else ["of", f"'{of}'"]),
        *([] if phase is None else ["in", f"'{phase}'"]),
        f"{operator}{limit} ms",
        *([] if window is None else [window[0], f"{window[1]} s"]),
    ]
    parsed = parse_objective(" ".join(parts))

    assert parsed.metric.name == name
    assert (parsed.of, parsed.phase) == (of, "steady" if phase is None else phase)
    assert (parsed.operator, parsed.limit) == (operator, limit / 1000)
    assert parsed.over_s == (window[1] if window and window[0] == "over" else None)
    assert parsed.for_s == (window[1] if window and window[0] == "for" else None)


@pytest.mark.parametrize(
    "text",
    ["p95<3s", "p95   <   3s", "p95 < 3s ", 'p95 of "it\'s" in "step 1"<3 s', "p95 of 'a < b over 3 s' < 3 s over 1 s"],
)
def test_spaces_and_quotes_are_free(text: str) -> None:
    assert parse_objective(text).limit == 3


def test_what_is_in_quotes_is_never_taken_for_grammar() -> None:
    parsed = parse_objective("p95 of 'a < b over 3 s' < 3 s over 1 s")

    assert (parsed.of, parsed.over_s) == ("a < b over 3 s", 1)


def test_megabytes_are_decimal_and_zero_needs_no_unit() -> None:
    assert parse_objective("memory_peak of 'ccs' < 500 MB").limit == 500_000_000
    assert parse_objective("memory_peak of 'ccs' < 500 MiB").limit == 524_288_000
    assert parse_objective("error_rate == 0").limit == 0


@pytest.mark.parametrize(
    ("text", "problem", "value", "suggestion"),
    [
        ("P95 < 3 s", "unknown metric", "P95", "p95"),
        ("p0 < 3 s", "unknown metric", "p0", "p90"),
        ("p101 < 3 s", "unknown metric", "p101", None),
        ("error-rate < 1 %", "unknown metric", "error-rate", "error_rate"),
        ("trouhgput > 1/s", "unknown metric", "trouhgput", "throughput"),
        ("xyz < 1", "unknown metric", "xyz", None),
        ("p95 in stedy < 3 s", "unknown phase", "stedy", "steady"),
        ("p95 in warmup < 3 s", "unknown phase", "warmup", "warm_up"),
        ("users of 'x' >= 3", "users belongs to the whole run", "of 'x'", None),
        ("p95 < 3", "unit missing for a time", "3", None),
        ("p95 < 3 seconds", "not a unit of time", "3 seconds", "s"),
        ("p95 < 3 %", "not a unit of time", "3 %", None),
        ("error_rate < 1 s", "not a unit of ratio", "1 s", None),
        ("memory_peak < 500 mb", "not a unit of size", "500 mb", "MB"),
        ("users >= 10 users", "not a unit of count", "10 users", None),
        ("p95 < fast", "not a quantity", "fast", None),
        ("p95 < 1e400 s", "number out of range", "1e400 s", None),
        ("p95 > -3 s", "a limit of p95 is out of range", "-3 s", None),
        ("p95 < 3 s over 10", "unit missing for a time", "10", None),
        ("p95 < 3 s over 0 s", "not a window", "0 s", None),
        ("p95 < 3 s over 1.5 s", "not a window", "1.5 s", None),
        ("p95 < 3 s for 500 ms", "not a window", "500 ms", None),
        ("p95 < 3 s over -5 s", "not a window", "-5 s", None),
        ("p95 < 3 s over 5 s for 5 s", "not a unit of time", "5 s for 5 s", None),
        ("memory_peak < 5 MB over 5 s", "resources have no windows", "over 5 s", None),
        ("cpu_mean < 5 % for 5 s", "resources have no windows", "for 5 s", None),
        ("memory_peak in warm_up < 5 MB", "resources are watched in the steady phase only", "in warm_up", None),
        ("memory_peak in 'step 1' < 5 MB", "resources are watched in the steady phase only", "in 'step 1'", None),
        ("interrupted == 0 over 5 s", "interrupted is known at the end only", "over 5 s", None),
    ],
)  # fmt: skip
def test_a_wrong_word_is_named_with_what_is_allowed(
    text: str, problem: str, value: str, suggestion: str | None
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_objective(text, "sla.toml:7")

    error = caught.value
    assert (error.problem, error.value) == (problem, value)
    assert error.place == f"sla.toml:7: objective {text!r}"
    assert error.remedy == (suggestion and f"did you mean {suggestion}?")
    assert error.allowed
    assert str(error).startswith("sla.toml:7: objective ")


@pytest.mark.parametrize(
    ("text", "right"),
    [("p95 < 3 s in ramp", "p95 in ramp < 3 s"), ("p95 < 3 s of 'GET /a'", "p95 of 'GET /a' < 3 s")],
)
def test_what_is_said_too_late_is_told_its_place(text: str, right: str) -> None:
    with pytest.raises(UsageError, match="'of' and 'in' come before the limit") as caught:
        parse_objective(text, "sla.toml:7")

    assert caught.value.remedy == f'write "{right}"'


@pytest.mark.parametrize(
    "text",
    ["", "  ", "p95", "p95 <", "< 3 s", "p95 3 s", "p95 = 3 s", "p95 != 3 s", "p95 of < 3 s", "p95 of 'x < 3 s",
     "p95 in steady of 'x' < 3 s", "p95 < 3 s\nerror_rate < 1 %", "p95 of a b < 3 s"],
)  # fmt: skip
def test_what_has_not_the_form_of_an_objective_is_told_the_form(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_objective(text)

    assert caught.value.value == text
    assert caught.value.allowed.startswith("METRIC [of 'NAME']")
    assert caught.value.remedy == 'for example "p95 < 3 s"'


@pytest.mark.parametrize("thing", [3, None, ["p95 < 3 s"], 1.5, True])
def test_what_is_no_text_is_refused(thing: object) -> None:
    with pytest.raises(UsageError, match="an objective is text"):
        parse_objective(thing)  # type: ignore[arg-type]


def test_unknown_metrics_and_phases_are_told_all_that_there_are() -> None:
    with pytest.raises(UsageError) as unknown_metric:
        parse_objective("latency < 3 s")
    with pytest.raises(UsageError) as unknown_phase:
        parse_objective("p95 in nowhere < 3 s")

    assert [name for name in METRICS if name not in unknown_metric.value.allowed] == []
    assert [name for name in PHASES if name not in unknown_phase.value.allowed] == []


words = st.sampled_from(
    ["p95", "p99.9", "error_rate", "users", "memory_peak", "of", "in", "'x'", '"y"', "steady", "<", ">=", "==", "3",
     "s", "3 s", "1 %", "1e999", "-1", "over", "for", "10 s", "'", '"', "baseline", "±", "\n"]
)  # fmt: skip


@given(text=st.text(max_size=40) | st.lists(words, max_size=9).map(" ".join))
@example(text="p95 < 1e999999999999999999999 s")
@example(text="p٩٥ < ٣ s")
def test_any_text_is_an_objective_or_a_usage_error_that_says_where(text: str) -> None:
    try:
        outcome: Objective | UsageError = parse_objective(text, "here")
    except UsageError as error:
        outcome = error

    if isinstance(outcome, UsageError):
        assert (outcome.place or "").startswith("here: objective ")
        assert outcome.allowed
    else:
        assert outcome.text == text.strip()
        assert 0 <= outcome.limit < float("inf")


@pytest.mark.parametrize("name", ["p", "p0", "p00", "p0.0", "p101", "p100.5", "p-5", "p95th", "95", "median", ""])
def test_only_percentiles_above_0_and_up_to_100_are_metrics(name: str) -> None:
    assert metric_named(name) is None


@pytest.mark.parametrize(
    ("operator", "below", "equal", "above"),
    [
        ("<", True, False, False),
        ("<=", True, True, False),
        (">", False, False, True),
        (">=", False, True, True),
        ("==", False, True, False),
    ],
)
def test_an_operator_holds_as_in_arithmetic(operator: str, *, below: bool, equal: bool, above: bool) -> None:
    objective = parse_objective(f"p95 {operator} 2 s")

    assert (objective.holds(1.999), objective.holds(2.0), objective.holds(2.001)) == (below, equal, above)


@pytest.mark.parametrize(
    ("text", "measured", "margin"),
    [
        ("p95 < 2 s", 1.5, 0.25),
        ("p95 < 2 s", 3.0, -0.5),
        ("throughput > 10/s", 15.0, 0.5),
        ("throughput >= 10/s", 5.0, -0.5),
        ("error_rate <= 0", 0.5, None),
        ("count == 5", 5.0, None),
    ],
)
def test_a_margin_is_a_share_of_the_limit_and_negative_outside(
    text: str, measured: float, margin: float | None
) -> None:
    assert parse_objective(text).margin(measured) == margin


def test_a_value_is_shown_in_the_unit_of_its_metric() -> None:
    assert parse_objective("p95 < 2 s").shown(0.5) == "500 ms"
    assert parse_objective("memory_peak < 2 GB").shown(5e8) == "500 MB"
    assert parse_objective("error_rate < 1 %").shown(None) == "–"
