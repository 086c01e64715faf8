"""Generators are processes: what happens when one of those involved ends before its time."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from engine_lab import eventually, generators_of, measure

from pytest_roo_load.core.profiles import constant_users, iterations
from pytest_roo_load.engine.fleet.inline import InlineFleet
from pytest_roo_load.engine.fleet.local import LocalFleet
from pytest_roo_load.errors import GeneratorError, UsageError

_HERE = Path(__file__).parent


async def pause(user: Any) -> None:
    async for _ in user.iterations():
        await user.think(0.01)


async def count_files(user: Any) -> None:
    user.record("files", resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def load_begun(live: Path) -> bool:
    return live.exists() and live.stat().st_size > 0


def test_a_generator_that_is_killed_makes_the_run_invalid_and_leaves_no_other(tmp_path: Path) -> None:
    live = tmp_path / "live"
    victims: list[psutil.Process] = []

    def kill() -> None:
        eventually(lambda: load_begun(live))
        victims.extend(generators_of(os.getpid()))
        victims[-1].kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(GeneratorError, match=r"generator local-1 \(process \d+\) died with exit status -9"):
        measure(pause, constant_users(2, "60 s"), LocalFleet(2), live)
    killer.join()
    assert len(victims) == 2
    assert generators_of(os.getpid()) == []
    assert load_begun(live), "what was measured until then is on the disk"


@contextmanager
def elsewhere(live: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that performs a long load with two generators."""
    code = f"""
        import asyncio, pathlib, signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        from engine_lab import measure
        from test_engine_processes import pause
        from pytest_roo_load.core.profiles import constant_users, iterations
        from pytest_roo_load.engine.fleet.local import LocalFleet
        try:
            measure(pause, constant_users(4, "60 s"), LocalFleet(2), pathlib.Path({str(live)!r}))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(_HERE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_generators_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with elsewhere(live) as parent:
        assert eventually(lambda: load_begun(live))
        children = generators_of(parent.pid)
        assert len(children) == 2
        parent.kill()
        assert eventually(lambda: not any(child.is_running() for child in children))


def test_ctrl_c_ends_the_run_and_leaves_no_generator(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with elsewhere(live) as parent:
        assert eventually(lambda: load_begun(live))
        children = generators_of(parent.pid)
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.stdout
        assert parent.stdout.readline() == "interrupted\n"
        assert eventually(lambda: not any(child.is_running() for child in children)), "while the parent still runs"
        _, errors = parent.communicate("")
    assert len(children) == 2
    assert errors == ""


def test_a_journey_that_a_generator_cannot_load_is_told_with_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "away.py").write_text("def helper():\n    return 1\n", encoding="utf-8")
    sys.path.insert(0, str(tmp_path))
    try:
        import away  # type: ignore[import-not-found]  # noqa: PLC0415 - made a moment ago

        async def uses_away(user: Any) -> None:
            user.record("helper", away.helper())

        (tmp_path / "away.py").unlink()
        with pytest.raises(GeneratorError, match="No module named 'away'"):
            measure(uses_away, constant_users(1, "0.1 s"), LocalFleet(1), tmp_path / "live")
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("away", None)
    assert generators_of(os.getpid()) == []


def test_a_journey_that_ends_the_process_is_a_generator_that_died(tmp_path: Path) -> None:
    async def leaves(user: Any) -> None:
        await user.think(0.01)
        os._exit(3)

    with pytest.raises(GeneratorError, match="exit status 3"):
        measure(leaves, constant_users(1, "5 s"), LocalFleet(1), tmp_path / "live")


def test_the_live_file_is_json_lines_while_the_load_runs(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with elsewhere(live):
        assert eventually(lambda: load_begun(live))
        first = json.loads(live.read_text(encoding="utf-8").splitlines()[0])
    assert (first["t"], first["users"], first["phase"]) == (0, 4, "steady")


def test_generators_may_have_as_many_files_as_the_system_lets_them(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        result = measure(count_files, iterations(1, users=1), LocalFleet(1), tmp_path / "live")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert list(result.values["files"]) == [hard]


def test_a_probe_that_fails_is_not_silent(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no target"):
        InlineProbe.fail(tmp_path)


class InlineProbe:
    """A probe that cannot look."""

    def sample(self) -> Any:
        raise UsageError("no target", value=None, allowed="x")

    @classmethod
    def fail(cls, folder: Path) -> None:
        from dataclasses import replace  # noqa: PLC0415

        from engine_lab import load_of  # noqa: PLC0415

        from pytest_roo_load.engine.runner import perform  # noqa: PLC0415

        load = load_of(pause, constant_users(1, "0.1 s"), InlineFleet(), folder / "live")
        perform(replace(load, probe=lambda _pids: cls()))
