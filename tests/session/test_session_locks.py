"""Exclusivity between processes: measurements are alone, and nobody is kept waiting for ever."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_roo_load.session.locks import Exclusivity, Stopped, locked

HOLDER = """
import sys
from pathlib import Path
from pytest_roo_load.session.locks import Exclusivity
with Exclusivity(Path(sys.argv[1])).hold(alone=sys.argv[2] == "alone"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold_elsewhere(folder: Path, how: str) -> subprocess.Popen[str]:
    """A process that holds the lock until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def release(process: subprocess.Popen[str]) -> None:
    process.communicate()


def in_thread(exclusivity: Exclusivity, *, alone: bool, log: list[str], name: str) -> threading.Thread:
    def wait() -> None:
        with exclusivity.hold(alone=alone):
            log.append(name)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def until(predicate: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not predicate():
        assert time.monotonic() < deadline


def waits_in_the_gate(folder: Path) -> bool:
    """Whether somebody stands in the gate and waits for the lock."""
    code = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    probe = subprocess.run([sys.executable, "-c", code, str(folder / "gate.lock")], check=False, capture_output=True)
    return probe.returncode != 0


def test_ordinary_tests_share(tmp_path: Path) -> None:
    other = hold_elsewhere(tmp_path, "shared")
    with Exclusivity(tmp_path).hold(alone=False):
        assert other.poll() is None
    release(other)


@pytest.mark.parametrize(("first", "alone"), [("alone", False), ("alone", True), ("shared", True)])
def test_a_measurement_is_alone(tmp_path: Path, first: str, alone: bool) -> None:  # noqa: FBT001
    other = hold_elsewhere(tmp_path, first)
    log: list[str] = []
    thread = in_thread(Exclusivity(tmp_path), alone=alone, log=log, name="second")
    until(lambda: waits_in_the_gate(tmp_path))
    assert log == []
    release(other)
    thread.join(10)
    assert log == ["second"]


def test_readers_cannot_starve_a_measurement(tmp_path: Path) -> None:
    """Whoever comes after a waiting measurement waits behind it, although the lock could be shared."""
    reader = hold_elsewhere(tmp_path, "shared")
    log: list[str] = []
    measuring = in_thread(Exclusivity(tmp_path), alone=True, log=log, name="measurement")
    until(lambda: waits_in_the_gate(tmp_path))
    late = in_thread(Exclusivity(tmp_path), alone=False, log=log, name="late reader")
    late.join(0.3)
    assert log == []
    release(reader)
    measuring.join(10)
    late.join(10)
    assert log == ["measurement", "late reader"]


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    other = hold_elsewhere(tmp_path, "alone")
    other.kill()
    release(other)
    with Exclusivity(tmp_path).hold(alone=True):
        assert other.returncode


def test_a_lock_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    with locked(path):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("held", ["alone", "shared"])
def test_a_wait_can_be_given_up(tmp_path: Path, held: str) -> None:
    """At the gate and in it; the lock is then free for others."""
    other = hold_elsewhere(tmp_path, held)
    answers = iter([False, False, False, True])
    with pytest.raises(Stopped), Exclusivity(tmp_path).hold(alone=True, give_up=lambda: next(answers)):
        pass
    assert not waits_in_the_gate(tmp_path)
    release(other)


def test_what_was_given_up_is_not_begun_although_the_lock_is_free(tmp_path: Path) -> None:
    with pytest.raises(Stopped), Exclusivity(tmp_path).hold(alone=False, give_up=lambda: True):
        pass
