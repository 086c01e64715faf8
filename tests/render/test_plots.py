import json

from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.units import Dimension
from pytest_roo_load.render.axes import elapsed_axis, log_axis, value_axis
from pytest_roo_load.render.charts import Band, Limit, LineChart, Series
from pytest_roo_load.render.plots import plot, plots
from pytest_roo_load.render.thinning import thin_together

gappy = st.lists(st.one_of(st.none(), st.floats(0, 1e6)), min_size=1, max_size=300)


def chart(points: list[tuple[float, float | None]], dimension: Dimension | None = Dimension.TIME) -> LineChart:
    return LineChart(
        title="A title",
        claim="A claim",
        description="A description",
        x=elapsed_axis(len(points)),
        y=log_axis(0.001, 1.0, Dimension.TIME),
        series=(Series(name="p95", points=tuple(points), span="", style=1),),
        bands=(Band(name="steady", start=0, end=3, shaded=False),),
        limits=(Limit(value=0.5, label="p95 < 500 ms"),),
        dimension=dimension,
    )


def test_a_plot_has_the_figures_of_its_chart() -> None:
    drawn = plot(chart([(0.5, 0.0123456), (1.5, None), (2.5, 0.2)]), points=100)

    assert drawn is not None
    assert drawn["x"] == [0.5, 1.5, 2.5]
    assert drawn["lines"] == [{"name": "p95", "style": 1, "y": [0.012346, None, 0.2]}]
    assert drawn["limits"] == [[0.5, "p95 < 500 ms"]]
    assert drawn["bands"] == [["steady", 0, 3, False, False]]
    assert (drawn["axis"]["low"], drawn["axis"]["high"], drawn["axis"]["log"]) == (0.001, 1.0, True)
    assert json.loads(json.dumps(drawn, allow_nan=False)) == drawn


def test_charts_that_are_not_over_time_are_left_to_the_svg() -> None:
    assert plots([("one", chart([(10, 1.0)], dimension=None))], points=100) == {}


def test_an_axis_from_zero_is_not_logarithmic() -> None:
    one = LineChart(
        title="", claim="", description="", x=elapsed_axis(1), y=value_axis(3, Dimension.COUNT),
        series=(Series(name="users", points=((0, 1),), span="", style=0),), dimension=Dimension.COUNT,
    )  # fmt: skip
    drawn = plot(one, points=10)

    assert drawn is not None
    assert drawn["axis"]["log"] is False


@given(gappy, st.integers(4, 60))
def test_thinned_lines_keep_their_extremes_and_their_order(line: list[float | None], most: int) -> None:
    times = [second + 0.5 for second in range(len(line))]
    kept, (thinned,), length = thin_together(times, [line], most=most)
    present = [value for value in line if value is not None]
    left = [value for value in thinned if value is not None]

    assert kept == sorted(kept)
    assert len(kept) == len(thinned)
    assert len(kept) <= most + 4 or not length
    assert (min(left), max(left)) == (min(present), max(present)) if present else not left
    assert set(left) <= set(present)


def test_few_points_stay_as_they_are() -> None:
    assert thin_together([0.5, 1.5], [[1.0, None]], most=2) == ([0.5, 1.5], [[1.0, None]], 0.0)


def test_a_silent_stretch_stays_a_gap() -> None:
    line = [1.0] * 50 + [None] * 50
    _, (thinned,), _ = thin_together([float(second) for second in range(100)], [line], most=20)

    assert thinned[:4] == [1.0] * 4
    assert thinned[-4:] == [None] * 4
