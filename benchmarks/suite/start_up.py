"""What an installed plugin costs a pytest run that does not use it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter

from benchmarks.cores import GENERATOR, pinned
from benchmarks.outcome import Goal, Outcome
from benchmarks.rounds import interleaved, middle

__all__ = ["measure"]

ROUNDS = 25
_MOST_MS = 10.0
_WITH, _WITHOUT = "with pytest-roo-load", "without it"
_ABOUT = f"""
`pytest` on a file with one empty test, other plugins of the environment included, with the plugin and with
`-p no:roo_load`: medians of {ROUNDS} interleaved rounds on one core. Compiled modules are kept from one run to the
next, as Python does unless it is told not to.
"""


def measure() -> Outcome:
    """Both, in turns."""
    with tempfile.TemporaryDirectory(prefix="roo-benchmark-") as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing() -> None:\n    assert True\n", encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        contenders = {_WITHOUT: _pytest(folder, "-p", "no:roo_load"), _WITH: _pytest(folder)}
        interleaved(contenders, 2)
        readings = interleaved(contenders, ROUNDS)
    columns = ("wall_ms", "cpu_ms")
    middles = {name: [middle(readings, name, column) or 0.0 for column in columns] for name in contenders}
    more = [with_it - without for with_it, without in zip(middles[_WITH], middles[_WITHOUT], strict=True)]
    return Outcome(
        title="Start-up of a pytest run that does not use the plugin",
        about=_ABOUT,
        columns=("pytest", "ms", "CPU ms"),
        rows=((_WITHOUT, *middles[_WITHOUT]), (_WITH, *middles[_WITH]), ("difference", *more)),
        goals=(Goal(text="ms slower", measured=more[0], limit=_MOST_MS, at_most=True),),
    )


def _pytest(folder: Path, *options: str) -> Callable[[], Mapping[str, float]]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def turn() -> Mapping[str, float]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        before, began = _cpu_s(), perf_counter()
        with pinned(GENERATOR):
            subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
        return {"wall_ms": (perf_counter() - began) * 1e3, "cpu_ms": (_cpu_s() - before) * 1e3}

    return turn


def _cpu_s() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
