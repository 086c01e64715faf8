"""The `roo-load` command."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_roo_load.cli import main


def test_a_report_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "nowhere")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "nowhere" in told.err
    assert "Traceback" not in told.err


def test_no_command_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "usage: roo-load" in capsys.readouterr().err


def test_the_guides_are_where_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guides"]) == 0
    pages = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert "objectives.md" in [page.name for page in pages]
    assert all(page.read_text(encoding="utf-8").startswith("# ") for page in pages)
