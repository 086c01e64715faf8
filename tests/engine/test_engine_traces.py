"""Reading recorded traces."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_roo_load.engine.traces import recorded_trace


@pytest.mark.parametrize(
    "line",
    ['{"at": 0, "path": "/shop"}', '127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /shop HTTP/1.1" 200 5'],
    ids=["JSON lines", "access log"],
)
def test_the_byte_order_mark_of_a_file_is_no_part_of_its_trace(tmp_path: Path, line: str) -> None:
    (tmp_path / "trace").write_text(line, encoding="utf-8-sig")
    assert [one.path for one in recorded_trace(tmp_path / "trace").requests] == ["/shop"]
