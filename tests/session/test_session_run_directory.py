"""The run directory is made late, written whole, and keeps secrets out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.facts import beginning, services
from pytest_roo_load.session.run_directory import RunDirectory
from pytest_roo_load.session.stack import Service


def directory(root: Path) -> RunDirectory:
    return RunDirectory(root / ".roo" / "runs" / "20260101-000000-1a2b3c4d")


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    made = directory(tmp_path)
    assert not made.exists
    assert list(tmp_path.iterdir()) == []
    assert repr(made) == "<RunDirectory 20260101-000000-1a2b3c4d, not made yet>"


def test_the_first_process_describes_the_run(tmp_path: Path) -> None:
    made = directory(tmp_path)
    assert made.describe({"id": "first"})
    assert not made.describe({"id": "second"})
    assert made.described() == {"id": "first"}
    assert made.describe({"id": "again"}, again=True)
    assert made.described() == {"id": "again"}
    assert (tmp_path / ".roo" / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_attempts_are_numbered_and_results_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    made = directory(tmp_path)
    for name in ("test_users[100]", "test_users[25]", "test_early"):
        slug, attempt = made.attempt(f"tests/test_it.py::{name}")
        line = 3 if name == "test_early" else 9
        made.write_result(slug, attempt, {"test": {"file": "tests/test_it.py", "line": line, "name": name}})
    assert made.attempt("tests/test_it.py::test_users[25]")[1] == 2
    assert [result["test"]["name"] for result in made.results()] == ["test_early", "test_users[25]", "test_users[100]"]
    assert not [path for path in made.path.rglob(".*") if path.is_file()]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / ".roo").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(UsageError, match=r"no run directory can be made.*--roo-directory"):
        directory(tmp_path).make()


def test_secrets_never_reach_the_description(tmp_path: Path) -> None:
    facts = beginning(
        tmp_path, 1, "quick", ["--roo-postgres=postgresql://u:hush@h/d", "--roo-redis", "redis://:hush@h"]
    )
    service = Service(name="postgres", url="postgresql://u:hush@h/d", pids=(), version="", embedded=False)
    facts["services"] = services({"postgres": service})
    assert "hush" not in json.dumps(facts)
    assert "--roo-postgres=postgresql://u:***@h/d" in facts["command"]
    assert "hush" not in repr(service)
