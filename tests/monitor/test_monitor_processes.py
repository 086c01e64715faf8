from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from pytest_roo_load.monitor import processes
from pytest_roo_load.monitor.listeners import listeners
from pytest_roo_load.monitor.processes import ProcessProbe

_PARENT = """
import subprocess, sys
burn = '''
import time
while time.process_time() < 0.3: pass
print('burnt', flush=True)
input()
'''
child = subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
input()
child.kill()
child.wait()
print("alone", flush=True)
input()
"""


def eventually(predicate: Callable[[], Any], *, within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not predicate():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.01)
    return True


@contextmanager
def python(code: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def say(process: subprocess.Popen[str]) -> str:
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    return process.stdout.readline()


def test_cpu_time_never_goes_back_and_memory_is_of_the_living() -> None:
    with python(_PARENT) as parent:
        assert parent.stdout
        parent.stdout.readline()
        probe = ProcessProbe({"tree": (parent.pid,)})
        both = probe.sample()["tree"]
        assert both.processes == 2
        assert both.cpu_s >= 0.2, "what the child has burnt"
        assert both.memory_bytes > 1e6
        assert say(parent) == "alone\n"
        alone = probe.sample()["tree"]
        assert alone.processes == 1
        assert alone.cpu_s >= both.cpu_s


def test_a_tree_that_is_dead_is_left_out_also_as_a_zombie() -> None:
    with python("input()") as one, python("input()") as other:
        probe = ProcessProbe({"one": (one.pid,), "other": (other.pid,), "none": (), "gone": (2**22 + 1,)})
        assert repr(probe) == "<ProcessProbe of one, other, gone>"
        assert set(probe.sample()) == {"one", "other"}
        one.kill()
        assert eventually(lambda: set(probe.sample()) == {"other"}), "before anybody has waited for it"
        assert one.returncode is None, "nobody has"
        one.wait()
        assert set(probe.sample()) == {"other"}


def test_a_tree_may_have_several_roots() -> None:
    with python("input()") as one, python("input()") as other:
        probe = ProcessProbe({"ccs": (one.pid, other.pid)})
        assert probe.sample()["ccs"].processes == 2
        one.kill()
        one.wait()
        assert probe.sample()["ccs"].processes == 1


def test_a_tree_tells_how_many_of_its_roots_have_ended() -> None:
    with python("input()") as one, python("input()") as other, python("input()") as third:
        probe = ProcessProbe({"ccs": (one.pid, other.pid, 2**22 + 1)})
        assert probe.sample()["ccs"].ended == 0, "what was not there is nothing that has ended"
        one.kill()
        assert eventually(lambda: probe.sample()["ccs"].ended == 1), "before anybody has waited for it"
        one.wait()
        assert probe.sample()["ccs"].ended == 1
        probe.follow("ccs", (third.pid, other.pid))
        now = probe.sample()["ccs"]
        assert (now.processes, now.ended) == (2, 1), "another in its place does not undo it"


def test_a_child_that_ends_is_no_root() -> None:
    with python(_PARENT) as parent:
        assert parent.stdout
        parent.stdout.readline()
        probe = ProcessProbe({"tree": (parent.pid,)})
        assert probe.sample()["tree"].processes == 2
        say(parent)
        alone = probe.sample()["tree"]
        assert (alone.processes, alone.ended) == (1, 0)


_LISTEN = """
import os, socket, sys
s = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
print(s.getsockname()[1], flush=True)
input()
"""


def test_the_first_process_behind_a_port() -> None:
    with python(_LISTEN) as server:
        assert server.stdout
        port = int(server.stdout.readline())
        for host in ("127.0.0.1", "localhost", "::1"):
            assert listeners(host, port) == (server.pid,), "its forked child is part of its tree"


@pytest.mark.parametrize("host", ["192.0.2.1", "example.test", "", "0.0.0.0"])
def test_a_port_of_another_machine_has_no_process_here(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mine:
        assert listeners("127.0.0.1", mine.getsockname()[1]) == (os.getpid(),)
        assert listeners(host, mine.getsockname()[1]) == ()
    assert listeners("127.0.0.1", 0) == ()


_KEEPS = """
import mmap, socket
kept = []
for line in iter(input, "end"):
    if line == "pages":
        kept.append(bytearray(30_000_000))
    if line == "sockets":
        kept += socket.socketpair()
    print("done", flush=True)
"""


def test_unique_memory_and_connections_of_a_process_and_of_a_tree() -> None:
    with python(_KEEPS) as one, python(_KEEPS) as other:
        for process in (one, other):
            tell(process, "nothing, but that it has started")
        before = ProcessProbe({"one": (one.pid,)}).sample()["one"]
        assert before.unique_bytes is not None
        assert before.connections is not None
        for order in ("pages", "sockets"):
            for process in (one, other):
                tell(process, order)
        alone = ProcessProbe({"one": (one.pid,)}).sample()["one"]
        both = ProcessProbe({"both": (one.pid, other.pid)}).sample()["both"]
    assert alone.unique_bytes is not None
    assert both.unique_bytes is not None
    assert 25e6 < alone.unique_bytes - before.unique_bytes < 40e6
    assert alone.unique_bytes <= alone.memory_bytes
    assert 55e6 < both.unique_bytes <= both.memory_bytes
    assert (alone.connections, both.connections) == (before.connections + 2, 2 * (before.connections + 2))


def tell(process: subprocess.Popen[str], order: str) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{order}\n")
    assert process.stdout.readline() == "done\n"


_SHARES = """
import os, sys
kept = bytearray(30_000_000)
kept[::4096] = b"x" * len(kept[::4096])
if os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
print("forked", flush=True)
input()
"""


def test_what_two_processes_share_is_of_neither_alone() -> None:
    with python(_SHARES) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "forked\n"
        use = ProcessProbe({"tree": (parent.pid,)}).sample()["tree"]
    assert use.processes == 2
    assert use.unique_bytes is not None
    assert use.memory_bytes > 30e6
    assert use.unique_bytes < 20e6


def test_what_takes_long_is_not_asked_at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_PAGES_SHARE", 1e-9)
    monkeypatch.setattr(processes, "_SOCKETS_SHARE", 1e-9)
    with python("input()") as one:
        probe = ProcessProbe({"one": (one.pid,)})
        first, second = (probe.sample()["one"] for _ in range(2))
    assert first.unique_bytes is not None
    assert first.connections == 0
    assert (second.unique_bytes, second.connections) == (None, None)
    assert second.memory_bytes > 1e6


def test_a_system_that_tells_resident_memory_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: psutil.Process) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "memory_full_info", denied)
    with python("input()") as one, python("input()") as other:
        use = ProcessProbe({"both": (one.pid, other.pid)}).sample()["both"]
    assert use.unique_bytes is None
    assert use.memory_bytes > 1e6
