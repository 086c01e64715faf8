import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.units import Dimension, duration, format_quantity, minutes, parse_quantity, seconds
from pytest_roo_load.errors import UsageError

UNITS: dict[Dimension, dict[str, float]] = {
    Dimension.TIME: {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600},
    Dimension.SIZE: {"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30},
    Dimension.RATIO: {"%": 0.01},
    Dimension.RATE: {"/s": 1, "/min": 1 / 60, "requests/s": 1, "requests/min": 1 / 60},
    Dimension.COUNT: {"": 1},
}
ROWS = [(dimension, unit, factor) for dimension, units in UNITS.items() for unit, factor in units.items()]


@pytest.mark.parametrize(("dimension", "unit", "factor"), ROWS)
@pytest.mark.parametrize("number", ["0", "3", "0.25", "1e3", "+2.5E-2", "-4"])
@pytest.mark.parametrize("space", ["", " ", "  "])
def test_a_number_and_a_unit_make_a_quantity(
    dimension: Dimension, unit: str, factor: float, number: str, space: str
) -> None:
    parsed = parse_quantity(f" {number}{space}{unit} ", dimension)

    assert parsed == pytest.approx(float(number) * factor, rel=1e-12)


@pytest.mark.parametrize("dimension", Dimension)
@pytest.mark.parametrize("zero", ["0", "0.0", " 0 "])
def test_a_bare_zero_needs_no_unit(dimension: Dimension, zero: str) -> None:
    assert parse_quantity(zero, dimension) == 0


@given(failed=st.integers(0, 10_000))
def test_a_ratio_equals_the_share_that_it_names_exactly(failed: int) -> None:
    """So that 7 failures of 100 are not below an error rate of 7 %."""
    assert parse_quantity(f"{failed // 100}.{failed % 100:02} %", Dimension.RATIO) == failed / 10_000
    assert parse_quantity(f"{failed} requests/min", Dimension.RATE) == failed / 60


@given(number=st.decimals(-1_000_000, 1_000_000, places=6), row=st.sampled_from(ROWS))
def test_a_quantity_is_the_nearest_float_to_what_was_written(number: object, row: tuple[Dimension, str, float]) -> None:
    dimension, unit, factor = row
    exact = Fraction(1, 60) if "/min" in unit else Fraction(str(factor))

    assert parse_quantity(f"{number} {unit}", dimension) == float(Fraction(str(number)) * exact)


@pytest.mark.parametrize(
    ("text", "dimension", "problem", "remedy"),
    [
        ("3", Dimension.TIME, "unit missing for a time", None),
        ("3 %", Dimension.TIME, "not a unit of time", None),
        ("3 seconds", Dimension.TIME, "not a unit of time", "did you mean s?"),
        ("3 minutes", Dimension.TIME, "not a unit of time", "did you mean min?"),
        ("5 mb", Dimension.SIZE, "not a unit of size", "did you mean MB?"),
        ("5 requests/second", Dimension.RATE, "not a unit of rate", "did you mean requests/s?"),
        ("5 users", Dimension.COUNT, "not a unit of count", None),
        ("three s", Dimension.TIME, "not a quantity", None),
        ("", Dimension.TIME, "not a quantity", None),
        (".5 s", Dimension.TIME, "not a quantity", None),
        ("nan s", Dimension.TIME, "not a quantity", None),
        ("1e400 s", Dimension.TIME, "number out of range", None),
        ("1e299 GB", Dimension.SIZE, "number out of range", None),
        ("1e99999999999 %", Dimension.RATIO, "number out of range", None),
    ],
)
def test_what_is_no_quantity_is_refused(text: str, dimension: Dimension, problem: str, remedy: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse_quantity(text, dimension)

    assert (caught.value.problem, caught.value.value, caught.value.remedy) == (problem, text, remedy)
    assert caught.value.allowed
    if "unit" in problem:
        assert caught.value.allowed == (", ".join(filter(None, UNITS[dimension])) or "a number without unit")


@given(text=st.text(max_size=12), dimension=st.sampled_from(Dimension))
def test_any_text_is_a_finite_quantity_or_a_usage_error(text: str, dimension: Dimension) -> None:
    try:
        parsed = parse_quantity(text, dimension)
    except UsageError:
        return
    assert math.isfinite(parsed)


@given(value=st.floats(1e-5, 0.9e12), dimension=st.sampled_from(Dimension))
def test_what_is_shown_reads_back_to_three_digits(value: float, dimension: Dimension) -> None:
    shown = format_quantity(value, dimension).replace(",", "")
    slack = 0.5 if dimension is Dimension.COUNT else 1e-9

    assert parse_quantity(shown, dimension) == pytest.approx(value, rel=0.0051, abs=slack if value > 1 else 1e-9)


@pytest.mark.parametrize(
    ("value", "dimension", "shown"),
    [
        (0.0123, Dimension.TIME, "12.3 ms"),
        (0.0000123, Dimension.TIME, "12.3 µs"),
        (0.99996, Dimension.TIME, "1 s"),
        (59.94, Dimension.TIME, "59.9 s"),
        (599.0, Dimension.TIME, "599 s"),
        (600.0, Dimension.TIME, "10 min"),
        (0.0, Dimension.TIME, "0 µs"),
        (-0.5, Dimension.TIME, "-500 ms"),
        (412e6, Dimension.SIZE, "412 MB"),
        (2.5e9, Dimension.SIZE, "2.5 GB"),
        (0.0024, Dimension.RATIO, "0.24 %"),
        (1.0, Dimension.RATIO, "100 %"),
        (1000 / 60, Dimension.RATE, "16.7/s"),
        (12345.0, Dimension.RATE, "12,345/s"),
        (1e-5, Dimension.RATE, "1.00e-05/s"),
        (1234567.0, Dimension.COUNT, "1,234,567"),
        (2.5, Dimension.COUNT, "2.5"),
        (float("inf"), Dimension.TIME, "∞"),
        (float("-inf"), Dimension.TIME, "-∞"),
        (None, Dimension.SIZE, "–"),
    ],
)
def test_a_quantity_is_shown_with_three_digits(value: float | None, dimension: Dimension, shown: str) -> None:
    assert format_quantity(value, dimension) == shown


@pytest.mark.parametrize(("value", "expected"), [("20 s", 20), ("2 min", 120), (1.5, 1.5), (0, 0), ("0", 0)])
def test_a_duration_is_text_or_seconds(value: str | float, expected: float) -> None:
    assert duration(value) == expected


@pytest.mark.parametrize("value", [-1, "-1 s", float("nan"), float("inf"), 10**400, "1e400 s", "20", "soon", None, []])
def test_what_is_no_duration_is_refused_by_the_arguments_name(value: object) -> None:
    with pytest.raises(UsageError, match="warm_up"):
        duration(value, name="warm_up")  # type: ignore[arg-type]


def test_words_for_durations() -> None:
    assert seconds(30) == 30
    assert minutes(2) == 120
