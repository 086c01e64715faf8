"""What is written down in several places says the same in all of them, and the tools of tox and CI do their work."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ci_versions import versions
from coverage_floor import covered, shortfalls
from doc_blocks import ROOT
from job_summary import summary

import pytest_roo_load

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NEWS = {kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]}


def test_tox_tests_the_installed_wheel() -> None:
    expected = Path(sys.prefix) if "TOX_ENV_NAME" in os.environ else Path("/")
    code = "import pytest_roo_load; print(pytest_roo_load.__file__)"
    child = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert Path(pytest_roo_load.__file__) == Path(child)
    assert Path(child).is_relative_to(expected)


def test_the_lowest_versions_are_those_that_the_package_allows() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *extras["embedded"], *extras["xdist"]]
    bounds = {one.partition(">=")[0].partition("[")[0]: re.split(r">=|;", one)[1] for one in wanted}
    lines = (ROOT / "tests" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.removesuffix(".*").split("==") for line in lines if not line.startswith("#"))
    assert pins == bounds


def test_tox_has_an_environment_for_every_python_of_the_classifiers_and_ci_makes_its_matrix_of_them() -> None:
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    environments = [name.strip() for name in tox["tox"]["env_list"].split(",")]
    assert [name for name in environments if re.fullmatch(r"py\d+", name)] == [
        f"py{version.replace('.', '')}" for version in versions()
    ]
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "fromJSON(needs.versions.outputs.python)" in workflow
    assert all(name in workflow for name in environments if not name.startswith("py"))


def test_the_tool_for_the_matrix_prints_json() -> None:
    done = subprocess.run([sys.executable, "tools/ci_versions.py"], cwd=ROOT, capture_output=True, check=True)
    assert json.loads(done.stdout) == versions() == ["3.11", "3.12", "3.13"]


def test_every_news_fragment_has_an_issue_a_known_type_and_something_to_say() -> None:
    for path in (ROOT / "changelog.d").glob("*.md"):
        issue, *_, kind, _ = path.name.split(".")
        assert issue.isdecimal(), path.name
        assert kind in NEWS, path.name
        assert path.read_text(encoding="utf-8").strip(), path.name


def test_every_part_of_the_package_has_a_floor_of_coverage() -> None:
    package = ROOT / "pytest_roo_load"
    parts = {path.stem for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}
    assert PROJECT["tool"]["coverage_floor"].keys() == parts


def test_coverage_is_summed_by_part_wherever_the_package_is_installed() -> None:
    def file(covered_lines: int, num_statements: int) -> dict[str, Any]:
        return {"summary": {"covered_lines": covered_lines, "num_statements": num_statements}}

    report = {
        "files": {
            "/venv/site-packages/pytest_roo_load/core/units.py": file(9, 10),
            "/venv/site-packages/pytest_roo_load/core/sla/parser.py": file(30, 30),
            "pytest_roo_load/errors.py": file(0, 0),
        }
    }
    assert covered(report) == {"core": 97.5, "errors": 100.0}


@pytest.mark.parametrize(
    ("floors", "problems"),
    [
        ({"core": 97.0}, []),
        ({"core": 98.0}, ["core: 97.5 % < 98.0 %"]),
        ({}, ["core: has no floor, 97.5 % covered"]),
        ({"core": 90.0, "kore": 90.0}, ["kore: has a floor but was not seen"]),
    ],
)
def test_what_falls_short_is_named(floors: dict[str, float], problems: list[str]) -> None:
    assert shortfalls({"core": 97.5}, floors) == problems


def test_the_job_summary_has_a_row_for_every_test_and_objective(tmp_path: Path) -> None:
    results = tmp_path / "20260101-000000-0a" / "results"
    results.mkdir(parents=True)
    (results.parent / "run.json").write_text(json.dumps({"id": "20260101", "scale": "quick", "status": "complete"}))
    objective = {"text": "p95 < 3 s", "measured": 0.25, "dimension": "time", "verdict": "pass"}
    unseen = {"text": "p95 of 'a|b' < 3 s", "measured": None, "dimension": "time", "verdict": "no data"}
    result = {"test": {"name": "test_it[10]"}, "verdict": "no data", "runs": [{"objectives": [objective, unseen]}]}
    (results / "test_it-1.json").write_text(json.dumps(result))

    rows = summary(tmp_path).splitlines()

    assert rows[0] == "### 20260101: quick scale, complete"
    assert "| **test_it[10]** | | | ❔ no data |" in rows
    assert "| test_it[10] | p95 < 3 s | 250 ms | ✅ pass |" in rows
    assert "| test_it[10] | p95 of 'a\\|b' < 3 s | – | ❔ no data |" in rows


def test_the_job_summary_says_when_there_is_nothing(tmp_path: Path) -> None:
    assert summary(tmp_path) == f"No run was found in {tmp_path}.\n"
