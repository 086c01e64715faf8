from typing import Any

from pytest_roo_load.core.capacity import Capacity, Outcome, Step
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.render.axes import suited_axis
from pytest_roo_load.render.capacity import SearchView, searches
from pytest_roo_load.render.marks import mark_of


def step(rate: float, outcome: Outcome, p95: float | None = 0.2) -> Step:
    return Step(
        rate=rate,
        outcome=outcome,
        reason="" if outcome is Outcome.HOLDS else "too slow",
        achieved=rate,
        throughput=rate,
        p95=p95,
        error_rate=0.0,
        live="live/x.ndjson",
    )


def shown(capacity: Capacity, **changes: Any) -> SearchView:
    search = {
        "journeys": {"visit": 1.0},
        "objectives": ["p95 < 1 s", "error_rate < 1 %"],
        "found_by": "test_it",
        "profile": "20/s arrivals for 5 s",
        "tolerance": 0.1,
        "verdict": capacity.verdict.value,
        **capacity.to_dict(),
        **changes,
    }
    (only,) = searches({"test": {"name": "test_it"}, "capacities": [search]})
    return only


FOUND = Capacity(
    rate=40.0,
    too_much=44.0,
    reason="",
    steps=(
        step(20, Outcome.HOLDS),
        step(40, Outcome.HOLDS),
        step(44, Outcome.INVALID),
        step(44, Outcome.FAILS, 3.0),
        step(40, Outcome.HOLDS, 0.3),
    ),
)


def test_a_search_is_told_in_words_a_table_and_two_charts() -> None:
    view = shown(FOUND)
    assert view.heading == "Capacity 40 arrivals/s (44/s is too much, 5 steps)"
    assert view.mark == mark_of("pass")
    assert view.lead == "visit · as high as p95 < 1 s, error_rate < 1 % allow"
    assert [row[1].text for row in view.steps.rows] == ["20/s", "40/s", "44/s", "44/s", "40/s"]
    outcomes = [row[7].mark.word for row in view.steps.rows if row[7].mark]
    assert outcomes == ["holds", "holds", "invalid", "too much", "holds"]
    assert view.method == (
        "Each step is a load of its own, the first one 20/s arrivals for 5 s. The rate was doubled or halved at first; "
        "then the gap was halved until a rate that holds and one that is too much were within 10 %, and these two were "
        "tried again."
    )
    assert view.source == "live/x.ndjson and so on to step 5"
    assert [chart.title for chart in view.charts] == [
        "p95 against the rate of arrivals",
        "Iterations finished against the rate of arrivals",
    ]


def test_a_chart_has_the_last_step_of_each_rate_and_no_invalid_one() -> None:
    latency, finished = shown(FOUND).charts
    assert latency.series[0].points == ((20, 0.2), (40, 0.3), (44, 3.0))
    assert latency.claim == "p95: 300 ms at 40/s, 3 s at 44/s"
    assert [(limit.value, limit.label) for limit in latency.limits] == [(1.0, "p95 < 1 s")]
    assert latency.x.title == "arrivals per second"
    assert latency.y == suited_axis([0.2, 0.3, 3.0, 1.0], Dimension.TIME)
    assert finished.series[0].points == ((20, 20), (40, 40), (44, 44))


def test_a_search_without_an_end_has_its_reason_and_nothing_to_draw() -> None:
    view = shown(
        Capacity(rate=None, too_much=None, reason="no core", steps=(step(20, Outcome.INVALID),)), found_by="test_b"
    )
    assert view.heading == "No capacity was found in 1 step: no core"
    assert view.mark == mark_of("invalid")
    assert view.lead.endswith(" · found by test_b")
    assert view.charts == ()
    nothing = Capacity(
        rate=None, too_much=20, reason="dead", steps=tuple(step(rate, Outcome.FAILS, None) for rate in (9, 20))
    )
    assert [chart.title for chart in shown(nothing).charts] == ["Iterations finished against the rate of arrivals"]


def test_a_test_without_a_search_has_none() -> None:
    assert searches({"test": {"name": "test_it"}, "runs": []}) == ()
