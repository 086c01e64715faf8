from __future__ import annotations

from sample_results import run_of

from pytest_roo_load.render import run_tables
from pytest_roo_load.render.charts import LineChart
from pytest_roo_load.render.marks import mark_of
from pytest_roo_load.render.promises import promises
from pytest_roo_load.render.run_charts import run_charts
from pytest_roo_load.render.seconds import EMPTY

PUT = {"client": "1", "text": "client 1: put 17 [2.0, 2.5]", "began": 2.0, "ended": 2.5, "outcome": "ok"}
PROBLEM = {"kind": "lost", "text": "message 17", "events": [PUT]}
LOST = {
    "promise": "nothing is lost", "checked": 10_000, "unknown": 3, "broken": 1, "count": {"lost": 1}, "note": "",
    "problems": [PROBLEM],
    "verdict": "fail",
}  # fmt: skip


def test_findings_and_facts_are_tables() -> None:
    facts = [
        {"name": "commits", "value": 1234, "dimension": "count"},
        {"name": "plan time", "value": 0.0012, "dimension": "time"},
        {"name": "driver", "value": "asyncpg", "dimension": None},
        {"name": "memory of the server", "value": None, "dimension": "size"},
    ]
    run = {"findings": [LOST], "facts": facts}

    found = promises(run)
    assert [cell.text for cell in found.table.rows[0]] == ["nothing is lost", "", "10,000", "3", "1 lost"]
    assert found.table.rows[0][1].mark == mark_of("fail")
    (problem,) = found.problems
    assert (problem.claim, problem.events) == ("message 17", PUT["text"])
    assert problem.history is not None
    assert [(bar.label, bar.began_s, bar.ended_s) for bar in problem.history.bars] == [("put 17", 0.0, 0.5)]
    assert [row[1].text for row in run_tables.facts(run).rows] == ["1,234", "1.2 ms", "asyncpg", "–"]


def test_what_no_operations_belong_to_is_told_in_lines() -> None:
    leak = {"kind": "leak", "text": "troughs grew", "events": [], "details": ["from 1 to 9:", "  cart.py:7: 60 MB"]}
    (problem,) = promises({"findings": [{**LOST, "problems": [leak]}]}).problems
    assert (problem.history, problem.events) == (None, "from 1 to 9:\n  cart.py:7: 60 MB")


def test_each_gauge_is_a_chart() -> None:
    run = run_of(users=[1, 1, 1])
    run["gauges"] = [{"name": "depth of the queue", "dimension": "count", "points": [[0.5, 2], [1.5, 7]]}]

    charts = [chart for chart in run_charts(run, EMPTY, columns=50) if isinstance(chart, LineChart)]

    assert [(chart.title, chart.claim) for chart in charts[1:]] == [("Depth of the queue", "7 at most")]
