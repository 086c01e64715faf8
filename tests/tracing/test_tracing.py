"""Real Python programs tell where they allocate, whatever else is in their environment."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tracing_lab import program

from pytest_roo_load.testing import own_server
from pytest_roo_load.tracing.environment import FOLDER, OwnServers
from pytest_roo_load.tracing.question import told
from pytest_roo_load.tracing.snapshots import Snapshots, sites_of


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("t")  # short: the path of a socket is limited


def test_the_line_that_grew_is_named_first(folder: Path) -> None:
    with program(folder) as one:
        snapshots = Snapshots({"it": (one.pid,)}, 6)
        snapshots.begin()
        snapshots.take(1.0)
        one.do("keep(5_000_000)")
        one.do("parse(20_000)")
        snapshots.take(2.0)
        snapshots.end()
        growth = snapshots.growth()["it"]
        assert told(one.pid, "sites") is None, "it still traces"
    assert growth.processes == 1
    first, second = growth.sites[:2]
    assert (first.place, first.through) == ("shop.py:7", "")
    assert second.place == "shop.py:10"
    assert second.through.startswith("json/decoder.py:")
    assert 5_000_000 <= first.size_bytes < 5_100_000
    assert 1 <= first.blocks <= 5  # the object, its bytes, the list
    assert second.blocks >= 20_000
    assert "Snapshots of it" in repr(snapshots)


def test_garbage_is_no_growth(folder: Path) -> None:
    with program(folder) as one:
        told(one.pid, "start 6")
        one.do("ring = []; ring.append(ring); ring.append(bytearray(5_000_000)); del ring")
        found = sites_of(one.pid)
    assert found is not None
    assert sum(size for size, _ in found.values()) < 1_000_000


def test_a_forked_child_tells_of_itself(folder: Path) -> None:
    with program(folder) as one:
        told(one.pid, "start 6")
        one.do("import threading; gone, go = os.pipe()")
        child = int(
            one.do("child = os.fork() or (keep(3_000_000), os.read(gone, 1), os._exit(0)); print(child)").split()[0]
        )
        assert eventually(lambda: (sites_of(child) or {}).get(("shop.py:7", ""), (0, 0))[0] > 3_000_000)
        one.do("os.write(go, b'x'); os.waitpid(child, 0)")


def eventually(predicate: Callable[[], bool]) -> bool:
    """Whether it becomes true within ten seconds or so."""
    pause = threading.Event()
    return any(predicate() or pause.wait(0.01) for _ in range(1000))


@pytest.mark.parametrize("flags", [("-I",), ("-S",)])
def test_programs_that_do_not_notice(folder: Path, flags: tuple[str, ...]) -> None:
    with program(folder, *flags) as one:
        assert told(one.pid, "start 6") is None
        assert sites_of(one.pid) is None
        snapshots = Snapshots({"it": (one.pid,)}, 6)
        snapshots.take(0)
        snapshots.take(1)
        assert snapshots.growth()["it"].processes == 0


def test_no_such_process() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert sites_of(process.pid) is None


def test_a_hidden_sitecustomize_runs_as_well(folder: Path) -> None:
    own = folder / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import builtins\nbuiltins.said = 'theirs'\n", encoding="utf-8")
    with program(folder, path=str(own)) as one:
        assert one.do("print(said)") == "theirs done"
        told(one.pid, "start 6")
        assert sites_of(one.pid) is not None


def test_own_servers_tell_when_the_run_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OwnServers, "tell", True)
    with OwnServers.environment() as environment:
        assert environment is not None
        sockets = Path(environment[FOLDER])
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()
    (folder / "server.py").write_text(
        "import http.server, sys, os\n"
        f"assert {FOLDER!r} in os.environ\n"
        "handler = http.server.SimpleHTTPRequestHandler\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), handler).serve_forever()\n",
        encoding="utf-8",
    )
    with own_server(sys.executable, "server.py", "{port}", cwd=folder) as url:
        assert url
    monkeypatch.setattr(OwnServers, "tell", False)
    with OwnServers.environment() as environment:
        assert environment is None
