"""Every example of the documentation runs as it stands there, in an empty folder, in a pytest of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from doc_blocks import PAGES, blocks, examples, write_example

from pytest_roo_load.session.gate import MEASURING
from pytest_roo_load.testing import own_server

Beside = dict[str, tuple[Path, Future[subprocess.CompletedProcess[str]]]]

EXAMPLES = examples()
NEEDS_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="install Node.js so that `node` is on the path")
# What makes an example smaller than it is shown: the README measures 10 and 50 users for 20 s each.
SMALLER = {
    "readme": {"[10, 50]": "[5]", '"20 s"': '"10 s"'},
    "capacity": {'tolerance="20 %"': 'tolerance="50 %"'},
}
# Servers that the page tells the reader to start by hand.
BY_HAND = {"node": ("node", "server.mjs", "{port}")}
# A measurement is invalid when others took the generator's core; then the example was not to blame.
ATTEMPTS = 3
MARKS = {"node": NEEDS_NODE}


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A pytest in a process of its own, which no option of ours reaches by the environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ROO_", "PYTEST_"))}
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False
    )


def alone(name: str, parent: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder of an example that was run by itself, and what pytest says of it."""
    for attempt in range(ATTEMPTS):
        folder = parent / f"attempt-{attempt}"
        done = run_example(name, folder)
        if "invalid" not in verdicts(folder):
            break
    return folder, done


def test_every_python_block_is_part_of_an_example() -> None:
    loose = [block.place for page in PAGES for block in blocks(page) if block.language == "python" and not block.file]
    assert loose == []


def test_the_pages_are_the_ones_that_have_examples() -> None:
    assert {"README.md", "own-server.md", "testing-journeys.md"} <= {page.name for page in PAGES}
    assert {"readme", "fastapi", "aiohttp", "node", "journeys", "oracle"} <= EXAMPLES.keys()


def verdicts(folder: Path) -> set[str]:
    return {json.loads(path.read_text())["verdict"] for path in folder.glob(".roo/runs/*/results/*.json")}


def run_example(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What pytest says of an example that is saved to an empty folder and, if need be, made smaller."""
    folder.mkdir()
    write_example(EXAMPLES[name], folder)
    for path in folder.glob("test_*.py"):
        source = path.read_text(encoding="utf-8")
        for shown, smaller in SMALLER.get(name, {}).items():
            assert shown in source
            source = source.replace(shown, smaller)
        path.write_text(source, encoding="utf-8")
    if name not in BY_HAND:
        return run_pytest(folder)
    with own_server(*BY_HAND[name], cwd=folder) as url:
        return run_pytest(folder, f"--roo-target={url}")


@pytest.fixture(scope="module")
def beside(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Beside]:
    """The examples that were selected, each in a folder of its own, two at a time: most of the time they wait."""
    folder = tmp_path_factory.mktemp("beside")
    tests = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    names = [str(test.callspec.params["name"]) for test in tests if "beside" in test.fixturenames]
    if "PYTEST_XDIST_WORKER" in os.environ:  # every worker has been given all tests, and performs some of them
        names = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {name: (folder / name, pool.submit(run_example, name, folder / name)) for name in names}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS.get(name, ())) for name in sorted(EXAMPLES)])
def test_an_example_passes_and_leaves_a_report(name: str, beside: Beside, tmp_path: Path) -> None:
    """One whose neighbour has made it invalid has to pass alone."""
    if name in beside:
        folder, running = beside[name]
        done = running.result()
    if name not in beside or "invalid" in verdicts(folder):
        wait(future for _, future in beside.values())
        folder, done = alone(name, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    measures = any(fixture in block.text for block in EXAMPLES[name].values() for fixture in MEASURING)
    assert verdicts(folder) == ({"pass"} if measures else set())
    reports = list(folder.glob(".roo/runs/*/report.html"))
    assert len(reports) == measures
    assert all(str(report.relative_to(folder)) in done.stdout for report in reports)


def test_a_server_that_breaks_the_objective_fails_the_example(tmp_path: Path) -> None:
    write_example(EXAMPLES["aiohttp"], tmp_path)
    server = tmp_path / "notes.py"
    quick = "    number = int("
    assert quick in server.read_text()
    server.write_text("import asyncio\n" + server.read_text().replace(quick, f"    await asyncio.sleep(1.2)\n{quick}"))
    test = tmp_path / "test_notes.py"
    test.write_text(test.read_text().replace("iterations(400", "iterations(16"))

    done = run_pytest(tmp_path)

    assert done.returncode == 1
    assert re.search(r"^ *p99 < 1 s .* fail$", done.stdout, re.MULTILINE)
    assert list(tmp_path.glob(".roo/runs/*/report.html"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in link:
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_python_blocks_are_as_wide_as_the_projects_code() -> None:
    lines = [
        (block.place, line)
        for files in EXAMPLES.values()
        for block in files.values()
        for line in block.text.splitlines()
    ]
    assert [place for place, line in lines if len(line) > 120] == []
