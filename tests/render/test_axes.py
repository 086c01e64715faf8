import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.units import Dimension, parse_quantity
from pytest_roo_load.render.axes import Axis, count_axis, elapsed_axis, log_axis, suited_axis, value_axis


def labels(axis: Axis) -> list[str]:
    return [tick.label for tick in axis.ticks]


@pytest.mark.parametrize(
    ("highest", "dimension", "expected"),
    [
        (0.23, Dimension.TIME, ["0 ms", "50 ms", "100 ms", "150 ms", "200 ms", "250 ms"]),
        (4.1, Dimension.TIME, ["0 s", "1 s", "2 s", "3 s", "4 s", "5 s"]),
        (214e6, Dimension.SIZE, ["0 MB", "50 MB", "100 MB", "150 MB", "200 MB", "250 MB"]),
        (0.7, Dimension.RATIO, ["0 %", "20 %", "40 %", "60 %", "80 %"]),
        (2000.0, Dimension.RATE, ["0/s", "500/s", "1,000/s", "1,500/s", "2,000/s"]),
        (3.0, Dimension.COUNT, ["0", "1", "2", "3"]),
        (1.0, Dimension.COUNT, ["0", "1"]),
        (0.0, Dimension.COUNT, ["0", "1"]),
    ],
)
def test_values_get_round_ticks_in_the_unit_that_suits_them(
    highest: float, dimension: Dimension, expected: list[str]
) -> None:
    assert labels(value_axis(highest, dimension)) == expected


@given(highest=st.floats(1e-6, 1e4))
def test_a_label_says_the_value_of_its_tick(highest: float) -> None:
    for tick in value_axis(highest, Dimension.TIME).ticks:
        assert parse_quantity(tick.label.replace(",", ""), Dimension.TIME) == pytest.approx(tick.value)


@pytest.mark.parametrize(
    ("end_s", "title", "expected"),
    [
        (1.0, "seconds", ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (25.0, "seconds", ["0", "5", "10", "15", "20", "25"]),
        (150.0, "minutes", ["0", "0.5", "1", "1.5", "2", "2.5"]),
        (7200.0, "minutes", ["0", "20", "40", "60", "80", "100", "120"]),
        (14400.0, "hours", ["0", "1", "2", "3", "4"]),
    ],
)
def test_elapsed_time_is_in_seconds_minutes_or_hours(end_s: float, title: str, expected: list[str]) -> None:
    axis = elapsed_axis(end_s)

    assert axis.title == f"{title} since the start of the load"
    assert labels(axis) == expected
    assert axis.scale.high == end_s


def test_levels_of_users_are_ticks_themselves() -> None:
    assert labels(count_axis([10, 25, 50, 100, 1000], "virtual users")) == ["10", "25", "50", "100", "1,000"]


def test_times_that_differ_much_get_a_logarithmic_axis_that_says_so() -> None:
    assert suited_axis([0.01, 0.05], Dimension.TIME) == value_axis(0.05, Dimension.TIME)
    assert suited_axis([0.01, 3.0], Dimension.TIME) == log_axis(0.01, 3.0, Dimension.TIME)
    assert suited_axis([0.01, 3.0], Dimension.TIME).note == "Logarithmic scale."
    assert suited_axis([1.0, 3000.0], Dimension.RATE).scale.low == 0


def test_times_with_a_zero_among_them_stay_linear() -> None:
    assert suited_axis([0.0, 3.0], Dimension.TIME).scale.low == 0
