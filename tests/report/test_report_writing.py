"""What a report is written from and what it leaves: whole directories, damaged files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sample_runs import ramp, run_json, write

from pytest_roo_load.errors import RooLoadError, UsageError
from pytest_roo_load.report.html import write_report


class TestWriting:
    def test_leaves_nothing_but_the_report(self, tmp_path: Path) -> None:
        directory = write(tmp_path / "run", run_json(), ramp()[:1])

        assert write_report(directory) == directory / "report.html"
        assert {path.name for path in directory.iterdir()} == {"run.json", "results", "report.html"}

    def test_is_a_function_of_the_directory(self, tmp_path: Path) -> None:
        directory = write(tmp_path / "run", run_json(), ramp()[:1])

        assert write_report(directory).read_bytes() == write_report(directory).read_bytes()

    def test_that_fails_leaves_nothing_behind_and_says_where(self, tmp_path: Path) -> None:
        directory = write(tmp_path / "run", run_json(), ramp()[:1])
        (directory / "report.html").mkdir()

        with pytest.raises(RooLoadError, match=r"report\.html: the report cannot be written"):
            write_report(directory)
        assert {path.name for path in directory.iterdir()} == {"run.json", "results", "report.html"}

    def test_keeps_the_last_report_when_a_file_is_damaged(self, tmp_path: Path) -> None:
        directory = write(tmp_path / "run", run_json(), ramp()[:1])
        before = write_report(directory).read_bytes()
        (directory / "run.json").write_text("{", encoding="utf-8")

        with pytest.raises(UsageError):
            write_report(directory)
        assert (directory / "report.html").read_bytes() == before


class TestDamagedFiles:
    @pytest.mark.parametrize(
        ("file", "content", "problem"),
        [
            ("run.json", None, "cannot be read"),
            ("run.json", "{", "damaged"),
            ("run.json", "[]", "not a file of a run"),
            ("run.json", '{"schema": "pytest-roo-load/run/2"}', "written by a newer version"),
            ("run.json", '{"schema": "pytest-roo-load/run/0"}', "written by an older version"),
            ("run.json", '{"schema": "pytest-roo-load/run/x"}', "not a file of a run"),
            ("results/test-1-1.json", '{"schema": "pytest-roo-load/result/10"}', "written by a newer version"),
            ("run.json", '{"schema": "pytest-roo-load/run/1"}', "damaged"),
            ("results/test-1-1.json", '{"schema": "pytest-roo-load/run/1"}', "not a file of a run"),
            ("results/test-1-1.json", '{"schema": "pytest-roo-load/result/1"}', "damaged"),
            ("results/test-1-1.json", "\x00", "damaged"),
        ],
    )
    def test_are_named_with_their_path(self, tmp_path: Path, file: str, content: str | None, problem: str) -> None:
        directory = write(tmp_path / "run", run_json(), ramp()[:1])
        if content is None:
            (directory / file).unlink()
        else:
            (directory / file).write_text(content, encoding="utf-8")

        with pytest.raises(UsageError, match=problem) as caught:
            write_report(directory)
        assert caught.value.place == str(directory / file)

    @pytest.mark.parametrize(
        "damage", [("verdict", "great"), ("objectives", 7), ("timeline", {"t": ["x"], "users": [1]})]
    )
    def test_are_named_also_when_a_value_is_of_the_wrong_kind(self, tmp_path: Path, damage: tuple[str, Any]) -> None:
        result = ramp()[0]
        result["runs"][0][damage[0]] = damage[1]
        directory = write(tmp_path / "run", run_json(), [result])

        with pytest.raises(UsageError, match="damaged") as caught:
            write_report(directory)
        assert caught.value.place == str(directory / "results/test-1-1.json")
