"""Snapshots compared: which lines grew, in which order, and what is said of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.allocations import AllocationGrowth, Site, Snapshot, Table, growth_between

places = st.tuples(st.sampled_from(["a.py:1", "a.py:2", "b.py:9"]), st.sampled_from(["", "json/decoder.py:353"]))
tables = st.dictionaries(places, st.tuples(st.integers(0, 10**6), st.integers(0, 1000)))
processes = st.dictionaries(st.integers(1, 4), tables)


def snapshot(at_s: float, **tables: Table) -> Snapshot:
    return Snapshot(at_s=at_s, processes=dict(enumerate(tables.values(), 1)))


@given(processes, processes)
def test_growth_is_the_difference_of_what_is_in_both(before: dict[int, Table], after: dict[int, Table]) -> None:
    found = growth_between(Snapshot(at_s=1, processes=before), Snapshot(at_s=9, processes=after))
    both = before.keys() & after.keys()
    assert found.processes == len(both)
    assert found.total_bytes == sum(
        sign * size for sign, table in ((1, after), (-1, before)) for pid in both for size, _ in table[pid].values()
    )
    sizes = [site.size_bytes for site in found.sites]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size > 0 for size in sizes)
    for site in found.sites:
        key = site.place, site.through
        grown = [sum(side[pid].get(key, (0, 0))[0] for pid in both) for side in (before, after)]
        assert site.size_bytes == grown[1] - grown[0]


def test_what_grew_most_comes_first_and_trifles_are_left_out() -> None:
    before = snapshot(1, one={("cart.py:3", ""): (1_000_000, 10), ("view.py:8", ""): (500, 5)})
    parsed = "log.py:1", "json/decoder.py:353"
    after = snapshot(17, one={("cart.py:3", ""): (6_000_000, 60), parsed: (9_000_000, 1), ("view.py:8", ""): (900, 9)})
    found = growth_between(before, after)
    assert found.sites == (
        Site(place="log.py:1", through="json/decoder.py:353", size_bytes=9_000_000, blocks=1),
        Site(place="cart.py:3", through="", size_bytes=5_000_000, blocks=50),
    )
    told, *sites = found.lines("ccs")
    assert told.startswith("of what Python has allocated since the load began, 1 process had 14 MB more at second 17.0")
    assert sites == [
        "  log.py:1 (through json/decoder.py:353): 9 MB in 1 block",
        "  cart.py:3: 5 MB in 50 blocks",
    ]


def test_at_most_ten_lines() -> None:
    after = {(f"a.py:{line}", ""): (1000 + line, 1) for line in range(40)}
    found = growth_between(snapshot(0, one={}), snapshot(1, one=after))
    assert [site.place for site in found.sites] == [f"a.py:{line}" for line in range(39, 29, -1)]


def test_what_was_freed_has_a_sign() -> None:
    found = growth_between(snapshot(0, one={("a.py:1", ""): (3_000_000, 1)}), snapshot(1, one={}))
    assert next(found.lines("ccs")).count("had -3 MB more") == 1
    assert not found.sites


def test_nobody_has_told() -> None:
    told = " ".join(AllocationGrowth(from_s=0, to_s=1, processes=0).lines("postgres"))
    assert told.startswith("no allocation sites: no process of postgres has told where it allocates")
