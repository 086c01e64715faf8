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

import pytest

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
