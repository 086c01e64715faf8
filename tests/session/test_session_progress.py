"""Progress is a line: in its place on a terminal, now and then elsewhere."""

from __future__ import annotations

import json
import os
import pty
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_roo_load.core.timeline import OperationSecond, Second
from pytest_roo_load.session import progress
from pytest_roo_load.session.progress import Note, Progress, forget, line_of, noted


def second(t: int) -> Second:
    operation = OperationSecond(failed=2)
    operation.ok.add([0.01] * 30)
    return Second(t=t, phase="steady", users=7, operations={"GET /": operation})


def note(live: Path) -> Note:
    return Note(test="test_x[7]", live=str(live), duration_s=20.0)


def test_a_line_says_where_the_load_is(tmp_path: Path) -> None:
    line = line_of(note(tmp_path), second(4).to_dict())
    assert line == "test_x[7]: steady, 7 users, 30/s, p95 10 ms, 2 errors/s, 15 s left"
    dropping = second(4).to_dict() | {"dropped": 3}
    assert line_of(note(tmp_path), dropping).endswith("2 errors/s, 3 dropped/s, 15 s left")
    assert "0 s left" in line_of(note(tmp_path), second(40).to_dict())


def test_a_note_lasts_as_long_as_the_measurement(tmp_path: Path) -> None:
    path = tmp_path / "run" / "progress.json"
    with noted(path, note(tmp_path)):
        assert json.loads(path.read_text(encoding="utf-8"))["test"] == "test_x[7]"
    assert list(path.parent.iterdir()) == []


def test_the_note_of_a_worker_that_was_killed_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    forget(path, "gw1")
    with noted(path, replace(note(tmp_path), worker="gw1")):
        forget(path, "gw0")
        assert path.exists()
        forget(path, "gw1")
        assert not path.exists()


def read_until(descriptor: int, wanted: bytes) -> bytes:
    """What is written to a descriptor until it contains the wanted bytes; a timer ends a wait without end."""
    found = b""
    guard = threading.Timer(10, os.close, [descriptor])
    guard.start()
    while wanted not in found:
        found += os.read(descriptor, 1000)
    guard.cancel()
    return found


@pytest.mark.parametrize("terminal", [True, False])
def test_the_last_whole_second_is_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(progress, "_POLL_S", 0.01)
    monkeypatch.setattr(progress, "_PLAIN_EVERY_S", 0.0)
    live = tmp_path / "live.ndjson"
    live.write_text(f"{json.dumps(second(3).to_dict())}\n{json.dumps(second(4).to_dict())}\n{{half", encoding="utf-8")
    reading, writing = pty.openpty() if terminal else os.pipe()
    with noted(tmp_path / "progress.json", note(live)):
        shown = Progress(tmp_path / "progress.json", writing)
        text = read_until(reading, b"7 users").decode()
    assert ("\r\x1b[K" in text) is terminal
    assert "test_x[7]: steady, 7 users" in text
    assert repr(shown) == "<Progress following>"
    shown.close()
    shown.close()
    assert repr(shown) == "<Progress stopped>"
    os.close(reading)
    os.close(writing)


def test_nothing_is_written_while_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_POLL_S", 0.01)
    monkeypatch.setattr(progress, "_PLAIN_EVERY_S", 0.0)
    reading, writing = os.pipe()
    shown = Progress(tmp_path / "progress.json", writing)
    shown.close()
    os.close(writing)
    assert os.read(reading, 100) == b""
    os.close(reading)
