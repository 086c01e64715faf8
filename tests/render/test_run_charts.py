"""Which lines the charts of a run over time have."""

from __future__ import annotations

from typing import Any

import pytest
from sample_results import run_of

from pytest_roo_load.render.charts import LineChart
from pytest_roo_load.render.run_charts import run_charts
from pytest_roo_load.render.seconds import EMPTY


@pytest.mark.parametrize(
    ("dropped", "lines"),
    [
        ([0, 7, 3], ["succeeded", "failed", "arrivals dropped"]),
        ([0, 0, 0], ["succeeded", "failed"]),
        (None, ["succeeded", "failed"]),
    ],
)
def test_dropped_arrivals_have_a_line_where_there_are_any(dropped: list[int] | None, lines: list[str]) -> None:
    columns: dict[str, Any] = {} if dropped is None else {"dropped": dropped}
    run = run_of(throughput=[5, 5, 5], failed=[0, 1, 0], **columns)

    (chart,) = (chart for chart in run_charts(run, EMPTY, columns=50) if isinstance(chart, LineChart))

    assert chart.title == "Operations per second"
    assert [series.name for series in chart.series] == lines
