"""Our side of a comparison: a pytest in a process of its own, as a user would start it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cores import GENERATOR, GENERATORS
from benchmarks.processes import Running, started, until

__all__ = ["GENERATING", "OwnRun", "own_run"]

GENERATING = "pytest_roo_load.engine.fleet.process"  # of the command line of a generator

_END_S = 60.0
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRun:
    """A pytest that runs.

    Attributes:
        folder: Where its run directory is.
        running: Its processes, generators included.
    """

    folder: Path
    running: Running

    def until_loading(self) -> None:
        """Wait until a load is about to begin."""
        until(lambda: self.running.ended or any(self.folder.glob("runs/*/live/*")))

    def finish(self) -> None:
        """Wait for its end.

        Raises:
            RuntimeError: A test failed; its output is the text.
        """
        try:
            self.running.wait(_END_S)
        except RuntimeError as error:
            raise RuntimeError(f"{error}:\n{self.output()}") from error

    def output(self) -> str:
        """What it has printed."""
        return (self.folder / "output").read_text(encoding="utf-8")

    def record(self) -> dict[str, Any]:
        """Its only run, as the run directory has it."""
        (path,) = self.folder.glob("runs/*/results/*.json")
        record: dict[str, Any]
        (record,) = json.loads(path.read_text(encoding="utf-8"))["runs"]
        return record

    def steady_rate(self) -> float:
        """Successful operations per second of its steady phase."""
        (phase,) = [phase for phase in self.record()["phases"] if phase["name"] == "steady"]
        return float(phase["statistics"]["throughput"])

    def count(self) -> int:
        """How many operations of all phases had an outcome."""
        return sum(phase["statistics"]["count"] for phase in self.record()["phases"])


@contextmanager
def own_run(
    folder: Path, test: str, target: str, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[OwnRun]:
    """A pytest that performs one of the tests in `programs/`; several generators have all cores but the server's."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    configured: list[str | Path] = ["-c", folder / "pytest.ini", "--roo-target", target, "--roo-directory", folder]
    command = [sys.executable, "-m", "pytest", _HERE / test, *configured, *options]
    cores = GENERATORS if "--roo-generators" in options else (GENERATOR,)
    with started(command, *cores, environment=environment, log=folder / "output") as running:
        yield OwnRun(folder=folder, running=running)
