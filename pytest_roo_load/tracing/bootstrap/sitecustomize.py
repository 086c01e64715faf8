"""Runs at the start of a Python program that is to tell where it allocates; does what it is told on a Unix socket.

The interpreter imports a module of this name before the program. The program may have an environment of its own, so
nothing but the standard library is used; a `sitecustomize` that is hidden by this one is run as well.

It is told one line: `start N` and `stop` tracing N frames of each allocation, which costs nothing before and
afterwards, or `sites`. The answer is a line of JSON: `[[place, through, bytes, blocks], ...]` of what was allocated
since the start and is there, null while nothing is traced. A place is the line of the program's own code; where that
has called a library, `through` is the line of the library that has allocated.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import threading
import tracemalloc
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

FOLDER = "ROO_ALLOCATIONS_FOLDER"  # the variable with the folder of the sockets, which are named by process ids
_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would cost every program 10 ms
_LIBRARY = os.path.dirname(os.__file__)  # noqa: PTH120
_INSTALLED = ("site-packages", "dist-packages")


def sites() -> list[tuple[str, str, int, int]]:
    """Place, through, bytes and blocks of what is there of what was traced; garbage is collected before."""
    gc.collect()
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for one in tracemalloc.take_snapshot().statistics("traceback"):
        inner, own = one.traceback[-1], _own(one.traceback)
        if own.filename == __file__:
            continue
        key = _text(own), "" if own == inner else _text(inner)
        size, blocks = found.get(key, (0, 0))
        found[key] = size + one.size, blocks + one.count
    return [(*key, *sums) for key, sums in found.items()]


def _own(traceback: tracemalloc.Traceback) -> tracemalloc.Frame:
    """The innermost line of the program itself; where there is none, of what is installed; else the innermost."""
    best, least = traceback[-1], _strangeness(traceback[-1].filename)
    for frame in reversed(traceback):
        if (strange := _strangeness(frame.filename)) < least:
            best, least = frame, strange
        if not least:
            break
    return best


@cache
def _strangeness(file: str) -> int:
    """0 for the program's own files, 1 for what is installed, 2 for the standard library and frozen modules."""
    if file == __file__:
        return 0
    if any(name in file for name in _INSTALLED):
        return 1
    return 2 if file.startswith((_LIBRARY, "<")) else 0


def _text(frame: tracemalloc.Frame) -> str:
    return f"{_short(frame.filename)}:{frame.lineno}"


@cache
def _short(file: str) -> str:
    """The file as an import names it: `shop/cart.py`."""
    folders = [folder for folder in sys.path if folder and file.startswith(folder + os.sep)]
    return file[len(max(folders, key=len)) + 1 :] if folders else file


def answer(folder: str) -> threading.Thread:
    """Answer everybody who connects to the socket of this process, from a thread of its own, as long as it lives."""
    name = os.path.join(folder, str(os.getpid()))  # noqa: PTH118
    server = socket.socket(socket.AF_UNIX)
    server.bind(name)
    server.listen()
    thread = threading.Thread(target=_answer, args=(server,), name="roo-allocations", daemon=True)
    thread.start()
    return thread


def _answer(server: socket.socket) -> None:
    while True:
        asking, _ = server.accept()
        with asking, asking.makefile("rwb") as file:
            try:
                file.write(json.dumps(_done(file.readline().decode().strip())).encode() + b"\n")
            except OSError as error:  # who asked did not wait
                sys.stderr.write(f"allocations were not told: {error}\n")


def _done(order: str) -> list[tuple[str, str, int, int]] | None:
    if order.startswith("start "):
        tracemalloc.start(int(order.removeprefix("start ")))
    elif order == "stop":
        tracemalloc.stop()
    elif tracemalloc.is_tracing():
        return sites()
    return None


def run_hidden() -> None:
    """Run the `sitecustomize` that would have been found without this one, if there is one."""
    spec = PathFinder.find_spec("sitecustomize", [folder for folder in sys.path if folder != _HERE])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


if __name__ == "sitecustomize":
    if FOLDER in os.environ:
        answer(os.environ[FOLDER])
        os.register_at_fork(after_in_child=lambda: answer(os.environ[FOLDER]))
    run_hidden()
