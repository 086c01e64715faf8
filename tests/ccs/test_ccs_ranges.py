"""Parts of files: RFC 9110 as a table, and any text as a header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.ccs.files.ranges import not_modified, part_wanted

ETAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=0-", range(10)),
        ("bytes=3-5", range(3, 6)),
        ("bytes=3-500", range(3, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-500", range(10)),
        ("bytes = 3-5", range(3, 6)),
        ("bytes=10-", range(10, 10)),
        ("bytes=-0", range(10, 10)),
        ("bytes=5-3", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("lines=0-1", None),
        ("", None),
    ],
)
def test_ranges(header: str, part: range | None) -> None:
    assert part_wanted({"Range": header}, 10, ETAG) == part


def test_a_part_of_another_version_is_the_whole() -> None:
    assert part_wanted({"Range": "bytes=0-1", "If-Range": ETAG}, 10, ETAG) == range(2)
    assert part_wanted({"Range": "bytes=0-1", "If-Range": '"other"'}, 10, ETAG) is None


@given(header=st.text(st.sampled_from("bytes=-,0123456789 "), max_size=30), size=st.integers(0, 100))
def test_a_part_lies_in_the_file(header: str, size: int) -> None:
    part = part_wanted({"Range": header}, size, ETAG)
    assert part is None or len(part) == 0 or 0 <= part.start < part.stop <= size


@pytest.mark.parametrize(("header", "same"), [(ETAG, True), ('"x", W/"abc"', True), ("*", True), ('"x"', False)])
def test_a_client_that_has_the_file(header: str, *, same: bool) -> None:
    assert not_modified({"If-None-Match": header}, ETAG) is same
    assert not_modified({}, ETAG) is False
