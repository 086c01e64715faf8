from __future__ import annotations

from dataclasses import replace

import pytest
from core_samples import phase, result, tally

from pytest_roo_load.core.consistency.finding import Finding, Problem, share_that_holds
from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.gauge import Gauge
from pytest_roo_load.core.sla.judge import judge
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.core.verdict import Verdict
from pytest_roo_load.errors import UsageError
from pytest_roo_load.report.schema import RunRecord, measurement

HELD = Finding(promise="sums agree", verdict=Verdict.PASS, checked=10, unknown=0)
LOSS = Problem(kind="lost", text="message 17 is lost")
BROKEN = Finding(
    promise="nothing is lost", verdict=Verdict.FAIL, checked=10_000, unknown=2, problems=(LOSS,), count=(("lost", 1),)
)
UNCHECKED = Finding(promise="order is kept", verdict=Verdict.NO_DATA, checked=0, unknown=0)


@pytest.mark.parametrize(
    ("findings", "share", "verdict"),
    [
        ((HELD,), 1.0, Verdict.PASS),
        ((HELD, BROKEN), 1 - 1 / 10_010, Verdict.FAIL),
        ((UNCHECKED,), None, Verdict.NO_DATA),
        ((HELD, UNCHECKED), 1.0, Verdict.NO_DATA),
        ((replace(UNCHECKED, verdict=Verdict.FAIL),), 0.0, Verdict.FAIL),
    ],
)
def test_findings_decide_the_verdict_of_a_result(
    findings: tuple[Finding, ...], share: float | None, verdict: Verdict
) -> None:
    found = replace(result(phase(5, send=tally([0.1] * 10))), findings=findings)

    assert share_that_holds(findings) == found.consistency == share
    assert found.verdict is verdict


def test_consistency_is_an_objective_like_others() -> None:
    objective = parse_objective("consistency == 100 %")
    base = result(phase(5, send=tally([0.1] * 10)))

    assert judge(objective, replace(base, findings=(HELD,))).verdict is Verdict.PASS
    assert judge(objective, base).verdict is Verdict.NO_DATA
    failed = judge(objective, replace(base, findings=(HELD, BROKEN)))
    assert (failed.verdict, failed.samples) == (Verdict.FAIL, 10_010)
    assert "message 17 is lost" in failed.reason


def test_facts_are_found_by_name() -> None:
    base = replace(result(), facts=(Fact(name="commits", value=12.0), Fact(name="plan", value="Index Scan")))

    assert (base.fact("commits"), base.fact("plan")) == (12.0, "Index Scan")
    with pytest.raises(UsageError, match=r"no such fact: 'commit' \(allowed: 'commits', 'plan'\)"):
        base.fact("commit")


def test_a_gauge_knows_its_peak() -> None:
    assert Gauge(name="depth", dimension=Dimension.COUNT, points=((0.5, 3.0), (1.5, 9.0))).peak == 9.0
    assert Gauge(name="depth", dimension=Dimension.COUNT, points=()).peak is None


def test_all_of_it_is_written_into_the_result_file() -> None:
    gauge = Gauge(name="depth", dimension=Dimension.COUNT, points=((0.5, 3.0),))
    facts = (Fact(name="wait", value=0.5, dimension=Dimension.TIME), Fact(name="plan", value="scan", dimension=None))
    full = replace(result(phase(5, send=tally([0.1]))), facts=facts, findings=(BROKEN,), gauges=(gauge,))
    record = RunRecord(
        number=1, journeys={}, profile="", fleet="", seed=1, started_at="", interval=(0, 1), live="", result=full
    )

    written = measurement({"name": "test"}, [record])

    run = written["runs"][0]
    assert written["verdict"] == "fail"
    assert run["facts"][0] == {"name": "wait", "value": 0.5, "dimension": "time"}
    assert run["facts"][1] == {"name": "plan", "value": "scan", "dimension": None}
    assert run["findings"][0] == {
        "promise": "nothing is lost",
        "verdict": "fail",
        "checked": 10_000,
        "unknown": 2,
        "broken": 1,
        "note": "",
        "count": {"lost": 1},
        "problems": [{"kind": "lost", "text": "message 17 is lost", "events": [], "details": []}],
    }
    assert run["gauges"][0] == {"name": "depth", "dimension": "count", "points": ((0.5, 3.0),)}
