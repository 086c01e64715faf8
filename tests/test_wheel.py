"""What the built wheel holds, and that the phase runs from it in a project that has nothing of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PHASE = "pytest_roo_load.phase_3_3_2"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree and unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-P", "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run_pytest(project: Path, installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A pytest that finds the plugin in the wheel, before any other that is installed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ROO_", "PYTEST_"))}
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command,
        cwd=project,
        env=environment | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    shows = "import pytest_roo_load\n\ndef pytest_report_header():\n    return f'plugin: {pytest_roo_load.__file__}'\n"
    (tmp_path / "conftest.py").write_text(shows)
    return tmp_path


def test_the_wheel_has_the_package_and_the_phase_and_nothing_else(installed: Path) -> None:
    names = {path.name for path in installed.iterdir()}
    assert {name.partition("-")[0] for name in names} == {"pytest_roo_load"}
    package = installed / "pytest_roo_load"
    source = {
        path.relative_to(ROOT) for path in (ROOT / "pytest_roo_load").rglob("*") if path.suffix not in {".pyc", ""}
    }
    assert {path for path in source if not (installed / path).exists()} == set()
    phase = {str(path.relative_to(ROOT / "tests")) for path in (ROOT / "tests" / "phase_3_3_2").rglob("*.py")}
    brought = {str(path.relative_to(package)) for path in (package / "phase_3_3_2").rglob("*") if path.is_file()}
    assert brought == phase | {"phase_3_3_2/sla.toml"}
    assert {path.name for path in (package / "docs").glob("*.md")} == {
        path.name for path in (ROOT / "docs").glob("*.md")
    }


def test_the_phase_measures_from_the_installed_package_with_its_own_objectives(project: Path, installed: Path) -> None:
    done = run_pytest(project, installed, "--pyargs", PHASE, "--roo-scale=quick", "-k", "concurrent_users[10]", "-v")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "users-10" in (text := "".join(path.read_text() for path in project.glob(".roo/runs/*/results/*.json")))
    assert '"p95 < 3 s"' in text
    assert f"plugin: {installed}/pytest_roo_load/__init__.py" in done.stdout
    assert len(list(project.glob(".roo/runs/*/report.html"))) == 1


def test_objectives_of_the_project_come_before_those_of_the_phase(project: Path, installed: Path) -> None:
    (project / "sla.toml").write_text('[scenario.users-10]\nobjectives = ["p95 < nonsense"]\n')

    done = run_pytest(project, installed, "--pyargs", PHASE, "--collect-only", "-q")

    assert "sla.toml:2" in done.stdout + done.stderr
    (project / "sla.toml").write_text('[scenario.users-10]\nobjectives = ["p95 < 1 s"]\n')
    done = run_pytest(project, installed, "--pyargs", PHASE, "--collect-only", "-q")
    assert done.returncode == 0, done.stdout
    assert "concurrent_users[250]" in done.stdout, "what the project does not list is the phase's"


def test_a_table_that_is_named_stands_alone(project: Path, installed: Path) -> None:
    (project / "mine.toml").write_text('[scenario.users-10]\nobjectives = ["p95 < 1 s"]\n')

    done = run_pytest(project, installed, "--pyargs", PHASE, "--collect-only", "-q", "--roo-sla=mine.toml")

    assert done.returncode != 0
    assert "unknown scenario: 'users-25' (allowed: users-10)" in done.stdout
