import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from test_seconds import second

from pytest_roo_load.render.charts import Cell, HeatMap
from pytest_roo_load.render.heat_chart import draw_heat, path_of
from pytest_roo_load.render.heat_map import COLUMNS, LEVELS, heat_map
from pytest_roo_load.render.seconds import EMPTY, digest


def heat(*seconds: list[float], end: int | None = None) -> HeatMap:
    end = len(seconds) if end is None else end
    run = {"timeline": {"t": list(range(end))}, "spans": {"warm_up": [0, 1], "steady": [1, end]}}
    found = heat_map(run, digest(second(t, a=values) for t, values in enumerate(seconds)))
    assert found is not None
    return found


def test_nothing_that_succeeded_is_no_map() -> None:
    assert heat_map({}, EMPTY) is None
    assert heat_map({}, digest([second(0, a=[])])) is None


def test_a_cell_is_a_second_and_a_step_of_latency() -> None:
    chart = heat([0.001] * 9, [0.001, 0.1])
    low, ratio = chart.rows

    assert {(cell.column, cell.row) for cell in chart.cells} == {(0, 0), (1, 0), (1, max(c.row for c in chart.cells))}
    assert low <= 0.001 <= low * ratio * 1.002
    (slow,) = (cell for cell in chart.cells if cell.row)
    assert low * ratio**slow.row <= 0.1002
    assert low * ratio ** (slow.row + 1) >= 0.0998


def test_one_operation_is_the_lowest_level_and_the_fullest_cell_the_highest() -> None:
    chart = heat([0.001] * 500, [0.001])

    assert [cell.level for cell in sorted(chart.cells, key=lambda cell: cell.column)] == [LEVELS - 1, 0]
    assert chart.levels[-1] == "500/s"


def test_two_hours_have_at_most_120_columns_and_lose_nothing() -> None:
    chart = heat(*[[0.002]] * 7199, [5.0])

    assert chart.width_s == 60
    assert max(cell.column for cell in chart.cells) == COLUMNS - 1
    assert max(cell.row for cell in chart.cells) <= 40
    assert len(draw_heat(chart, "one")) < 5_000


def test_the_heading_tells_the_usual_and_the_slowest() -> None:
    assert heat([0.001] * 9, [0.001, 0.1]).claim.endswith("the slowest 100 ms")


@given(st.sets(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=60))
def test_strokes_cover_the_cells_and_nothing_else(places: set[tuple[int, int]]) -> None:
    path = path_of([Cell(column=column, row=row, level=0) for column, row in places])
    covered = [
        (int(column) + step, int(row))
        for column, row, length in re.findall(r"M(\d+) (\d+)\.5h(\d+)", path)
        for step in range(int(length))
    ]

    assert len(covered) == len(places)
    assert set(covered) == places


def test_a_map_is_drawn_with_its_phases_and_read_by_screen_readers() -> None:
    svg = ET.fromstring(draw_heat(heat([0.001], [0.002], [0.003]), "one"))

    assert svg.attrib["aria-labelledby"] == "one-title one-description"
    assert [text.text for text in svg.iter("text") if text.text in {"warm up", "steady"}] == ["steady", "warm up"]
    assert [element.attrib["class"] for element in svg.iter("path")] == ["heat h0"]
