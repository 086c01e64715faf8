from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.histogram import Histogram
from pytest_roo_load.render.bar_chart import draw_bars
from pytest_roo_load.render.charts import Marker
from pytest_roo_load.render.distribution import bars, distribution_chart, edges_over

latencies = st.lists(st.floats(0, 3600), min_size=1, max_size=60)


def histogram_of(values: list[float]) -> Histogram:
    histogram = Histogram()
    histogram.add(values)
    return histogram


@given(values=latencies)
def test_every_operation_is_in_exactly_one_bar(values: list[float]) -> None:
    histogram = histogram_of(values)
    heights = bars(histogram, edges_over(histogram.minimum, histogram.maximum))

    assert sum(heights) == len(values)
    assert min(heights) >= 0


@given(values=latencies)
def test_edges_ascend_and_hold_everything(values: list[float]) -> None:
    edges = edges_over(min(values), max(values))

    assert list(edges) == sorted(set(edges))
    assert edges[0] <= max(min(values), 1e-6)
    assert edges[-1] >= max(values)


def test_two_groups_of_latencies_are_two_groups_of_bars() -> None:
    chart = distribution_chart(histogram_of([0.01] * 30 + [1.0] * 10).to_dict())

    assert chart is not None
    assert [height for height in chart.heights if height] == [pytest.approx(0.75), pytest.approx(0.25)]
    assert [marker.label for marker in chart.markers] == ["p50", "p95", "p99"]
    assert chart.markers[0].value == pytest.approx(0.01, rel=0.001)
    assert "From 10 ms to 1 s; p50 10 ms" in chart.description


def test_labels_of_percentiles_that_lie_close_together_stand_in_rows() -> None:
    chart = distribution_chart(histogram_of([0.01] * 10).to_dict())

    assert chart is not None
    svg = ET.fromstring(draw_bars(replace(chart, markers=(Marker(value=0.01, label="p50"),) * 3), "one"))
    rows = [one.attrib["y"] for one in svg.iter("text") if one.text == "p50"]
    assert len(set(rows)) == 3


def test_no_samples_give_no_chart() -> None:
    assert distribution_chart(Histogram().to_dict()) is None


@given(values=latencies)
def test_whatever_was_measured_is_drawn_as_well_formed_svg(values: list[float]) -> None:
    chart = distribution_chart(histogram_of(values).to_dict())

    assert chart is not None
    svg = ET.fromstring(draw_bars(chart, "one"))
    (path,) = svg.iter("path")
    assert path.attrib["d"].count("M") == sum(height > 0 for height in chart.heights)
