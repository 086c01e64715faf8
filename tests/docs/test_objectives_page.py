"""What the page on objectives shows is an objective, and the file that it shows can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from doc_blocks import blocks

from pytest_roo_load.core.sla.objective import METRICS
from pytest_roo_load.core.sla.parser import parse_objective
from pytest_roo_load.core.sla.table import parse_sla

PAGE = Path(__file__).parents[2] / "docs" / "objectives.md"
SHOWN = re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("text", SHOWN)
def test_what_is_shown_is_an_objective(text: str) -> None:
    assert parse_objective(text).text == text


def test_every_metric_is_named() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in METRICS if f"`{name}" not in text] == []


def test_the_file_can_be_read() -> None:
    (block,) = [block for block in blocks(PAGE) if block.language == "toml"]
    table = parse_sla(block.text, "sla.toml")
    assert list(table.scenarios) == ["checkout"]
    assert len(table.scenario("checkout").objectives) == 3
