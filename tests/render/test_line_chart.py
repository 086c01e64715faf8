import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.units import Dimension
from pytest_roo_load.render.axes import count_axis, elapsed_axis, value_axis
from pytest_roo_load.render.charts import Band, Limit, LineChart, Series
from pytest_roo_load.render.frame import BOTTOM, LEFT, RIGHT, TOP
from pytest_roo_load.render.line_chart import draw_lines, spread


def chart(*points: tuple[float, float | None], **rest: object) -> LineChart:
    values = [y for _, y in points if y is not None]
    series = Series(name="p95", points=points, span="", style=1)
    settings: dict[str, object] = {"series": (series,), **rest}
    return LineChart(
        title="A title",
        claim="A claim",
        description="A description",
        x=elapsed_axis(10),
        y=value_axis(max(values, default=0), Dimension.COUNT),
        **settings,  # type: ignore[arg-type]
    )


def drawn(of: LineChart) -> ET.Element:
    return ET.fromstring(draw_lines(of, "one"))


def path_of(svg: ET.Element) -> str:
    return next(element.attrib["d"] for element in svg.iter("path"))


def texts(svg: ET.Element) -> list[str]:
    return [element.text or "" for element in svg.iter("text")]


def test_a_chart_tells_screen_readers_what_it_shows() -> None:
    svg = drawn(chart((0, 1), (1, 2)))

    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-labelledby"] == "one-title one-description"
    assert [(child.attrib["id"], child.text) for child in list(svg)[:2]] == [
        ("one-title", "A title"),
        ("one-description", "A claim. A description"),
    ]


def test_a_line_runs_from_corner_to_corner_of_the_plot() -> None:
    svg = drawn(chart((0, 0), (10, 100)))

    assert path_of(svg) == f"M{LEFT:g} {BOTTOM:g}L{RIGHT:g} {TOP:g}"


def test_missing_data_is_a_gap_and_never_a_line_through_zero() -> None:
    svg = drawn(chart((0, 50), (1, 50), (2, None), (3, 50), (4, 50)))

    assert path_of(svg).count("M") == 2
    assert f" {BOTTOM:g}" not in path_of(svg)


def test_a_single_point_is_a_dot() -> None:
    svg = drawn(chart((5, 10)))

    assert len(list(svg.iter("circle"))) == 1
    assert list(svg.iter("path")) == []


def test_a_lonely_point_between_gaps_of_a_long_line_is_a_dot() -> None:
    points = [(x / 10, None if x in (49, 51) else 1.0) for x in range(100)]

    assert len(list(drawn(chart(*points)).iter("circle"))) == 1


def test_two_hours_of_seconds_are_drawn_with_few_points_and_every_spike() -> None:
    points = [(x / 720, 90.0 if x == 3000 else 1.0) for x in range(7200)]
    path = path_of(drawn(chart(*points)))

    heights = [float(pair.split()[1]) for pair in re.findall(r"[\d.]+ [\d.]+", path)]
    assert len(heights) < 700
    assert min(heights) == pytest.approx(BOTTOM - (BOTTOM - TOP) * 0.9)


def test_phases_are_named_and_all_but_the_steady_one_shaded() -> None:
    bands = (Band(name="warm up", start=0, end=4, shaded=True), Band(name="steady", start=4, end=10, shaded=False))
    svg = drawn(chart((0, 1), bands=bands))

    (shade,) = svg.iter("rect")
    assert float(shade.attrib["width"]) == pytest.approx((RIGHT - LEFT) * 0.4, abs=0.1)
    assert {"warm up", "steady"} <= set(texts(svg))


def test_names_of_narrow_phases_never_overlap() -> None:
    bands = tuple(
        Band(name=f"step {index}", start=index / 10, end=(index + 1) / 10, shaded=True) for index in range(100)
    )
    svg = drawn(chart((0, 1), bands=bands))

    places = sorted(float(one.attrib["x"]) for one in svg.iter("text") if (one.text or "").startswith("step"))
    assert 1 < len(places) < 20
    assert all(later - earlier > 20 for earlier, later in pairwise(places))


def test_labels_of_ticks_that_lie_close_together_are_left_out() -> None:
    of = replace(chart((10, 1), (1000, 2)), x=count_axis([10, 11, 12, 1000], "virtual users"))
    names = [text for text in texts(drawn(of)) if text in {"10", "11", "12", "1,000"}]

    assert names == ["10", "1,000"]


def test_a_limit_is_a_line_with_its_objective() -> None:
    svg = drawn(chart((0, 100), limits=(Limit(value=50, label="p95 < 3 s"),)))

    (line,) = (one for one in svg.iter("line") if one.attrib["class"] == "limit")
    assert float(line.attrib["y1"]) == pytest.approx((TOP + BOTTOM) / 2)
    assert "limit: p95 < 3 s" in texts(svg)


def test_whiskers_span_the_confidence_interval() -> None:
    series = Series(name="p95", points=((5, 50),), span="", style=0, ranges=((5, 0, 100),))
    svg = drawn(chart((0, 100), series=(series,)))

    (whisker,) = (one for one in svg.iter("line") if one.attrib["class"].startswith("whisker"))
    assert (float(whisker.attrib["y1"]), float(whisker.attrib["y2"])) == (BOTTOM, TOP)


def test_hostile_names_are_text() -> None:
    series = Series(name="</text><script>", points=((0, 1),), span="", style=0)
    markup = draw_lines(chart((0, 1), series=(series,)), "one")

    assert "<script" not in markup
    assert "&lt;/text&gt;" in markup


@given(places=st.lists(st.floats(TOP, BOTTOM), max_size=10).map(sorted))
def test_labels_are_moved_apart_and_stay_in_order(places: list[float]) -> None:
    moved = spread(places, distance=12, lowest=BOTTOM)

    assert all(later - earlier >= 12 - 1e-6 for earlier, later in pairwise(moved))
    assert all(place <= BOTTOM for place in moved)
    assert len(moved) == len(places)


def test_labels_that_do_not_touch_stay_where_they_are() -> None:
    assert spread([30, 60, 160], distance=12, lowest=BOTTOM) == [30, 60, 160]
