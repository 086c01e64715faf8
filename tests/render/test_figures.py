import pytest

from pytest_roo_load.core.units import Dimension
from pytest_roo_load.render import figures


def test_what_is_missing_is_a_dash() -> None:
    of_numbers = (figures.time, figures.size, figures.share, figures.rate, figures.per_minute, figures.count)

    assert {show(None) for show in (*of_numbers, figures.margin, figures.elapsed)} == {"–"}
    assert figures.moment(None) == "–"


def test_a_zero_is_a_figure_and_not_missing() -> None:
    assert figures.time(0.0) == "0 s"
    assert figures.share(0.0) == "0 %"
    assert figures.per_minute(0.0) == "0/min"
    assert figures.margin(0.0) == "+0 %"


def test_a_rate_per_minute_is_sixty_times_that_per_second() -> None:
    assert figures.per_minute(40.2) == "2,412/min"
    assert figures.rate(40.2) == "40.2/s"


def test_a_margin_has_its_sign() -> None:
    assert figures.margin(0.996) == "+99.6 %"
    assert figures.margin(-0.12) == "−12 %"


def test_an_interval_without_an_upper_end_says_why() -> None:
    assert figures.interval([0.011, 0.013], Dimension.TIME) == "11 ms to 13 ms"
    assert figures.interval([0.011, None], Dimension.TIME) == "from 11 ms, too few samples"
    assert figures.interval(None, Dimension.TIME) == "–"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.25, "250 ms"), (59.0, "59 s"), (433.0, "7 min 13 s"), (7500.0, "2 h 5 min"), (3601.0, "1 h 1 s")],
)
def test_lengths_of_time_read_as_people_say_them(seconds: float, expected: str) -> None:
    assert figures.elapsed(seconds) == expected


def test_a_moment_has_its_time_zone() -> None:
    assert figures.moment("2026-11-23T22:15:00+00:00") == "2026-11-23 22:15:00 UTC"


def test_one_thing_is_not_several() -> None:
    assert figures.plural(1, "test") == "1 test"
    assert figures.plural(1500, "test") == "1,500 tests"
