from __future__ import annotations

from sample_results import run_of

from pytest_roo_load.render import run_tables
from pytest_roo_load.render.charts import LineChart
from pytest_roo_load.render.run_charts import run_charts
from pytest_roo_load.render.seconds import EMPTY

PROBLEM = {"kind": "lost", "text": "message 17", "events": ["client 1: put 17"]}
LOST = {
    "promise": "nothing is lost", "checked": 10_000, "unknown": 3, "broken": 1, "problems": [PROBLEM],
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

    found = run_tables.findings(run).rows[0]
    assert [cell.text for cell in found] == ["nothing is lost", "10,000", "3", "1", "", "message 17"]
    assert found[4].mark is not None
    assert found[4].mark.word == "fail"
    assert found[5].detail == "lost: message 17\nclient 1: put 17"
    assert [row[1].text for row in run_tables.facts(run).rows] == ["1,234", "1.2 ms", "asyncpg", "–"]


def test_each_gauge_is_a_chart() -> None:
    run = run_of(users=[1, 1, 1])
    run["gauges"] = [{"name": "depth of the queue", "dimension": "count", "points": [[0.5, 2], [1.5, 7]]}]

    charts = [chart for chart in run_charts(run, EMPTY, columns=50) if isinstance(chart, LineChart)]

    assert [(chart.title, chart.claim) for chart in charts[1:]] == [("Depth of the queue", "7 at most")]
