"""What a test is judged by, as its project wrote it down."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_roo_load.session.plan import read_sla


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_of_objectives_is_read_with_and_without_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "sla.toml").write_text('[default]\nobjectives = ["p95 < 3 s"]\n', encoding=encoding)

    (objective,) = read_sla(tmp_path / "sla.toml", named=True).default

    assert (objective.text, objective.source) == ("p95 < 3 s", "sla.toml:2")
