from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.render.thinning import Point, segments, thin

values = st.floats(-1e6, 1e6)


@st.composite
def points_in_order(draw: st.DrawFn) -> list[Point]:
    return [(float(x), draw(values)) for x in sorted(draw(st.sets(st.integers(0, 5000), min_size=1, max_size=200)))]


def in_same_order(part: list[Point], whole: list[Point]) -> bool:
    rest = iter(whole)
    return all(point in rest for point in part)


@given(points=points_in_order(), width=st.floats(0.5, 2000))
def test_thinning_keeps_the_extremes_of_every_column(points: list[Point], width: float) -> None:
    kept = thin(points, column_width=width)

    for column in {x // width for x, _ in points}:
        before = [y for x, y in points if x // width == column]
        after = [y for x, y in kept if x // width == column]
        assert min(after) == min(before)
        assert max(after) == max(before)


@given(points=points_in_order(), width=st.floats(0.5, 2000))
def test_thinning_gives_a_small_subset_in_order_with_both_ends(points: list[Point], width: float) -> None:
    kept = thin(points, column_width=width)

    assert in_same_order(kept, points)
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert len(kept) <= 2 * len({x // width for x, _ in points}) + 2


def test_a_spike_of_one_second_in_two_hours_survives() -> None:
    points = [(float(second), 50.0 if second == 4321 else 1.0) for second in range(7200)]

    kept = thin(points, column_width=7200 / 300)

    assert (4321.0, 50.0) in kept
    assert len(kept) < 700


def test_thinning_nothing_gives_nothing() -> None:
    assert thin([], column_width=1) == []


def test_missing_values_cut_a_line_into_stretches() -> None:
    points = [(0.0, None), (1.0, 5.0), (2.0, 6.0), (3.0, None), (4.0, None), (5.0, 0.0)]

    assert segments(points) == [[(1.0, 5.0), (2.0, 6.0)], [(5.0, 0.0)]]


@given(points=st.lists(st.tuples(values, st.none() | values)))
def test_stretches_hold_exactly_the_values_that_are_present(points: list[tuple[float, float | None]]) -> None:
    joined = [point for stretch in segments(points) for point in stretch]

    assert joined == [(x, y) for x, y in points if y is not None]
