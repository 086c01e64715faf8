"""Runs at the start of a Python program that is to tell of itself; does what it is told on a Unix socket.

The interpreter imports a module of this name before the program. The program may have an environment of its own, so
nothing but the standard library is used; a `sitecustomize` that is hidden by this one is run as well.

It is told one line, and answers a line of JSON, as a rule null:

- `start N` and `stop` tracing N frames of each allocation, which costs nothing before and afterwards.
- `sites`: `[[place, through, bytes, blocks], ...]` of what was allocated since the start and is there, null while
  nothing is traced. A place is the line of the program's own code; where that has called a library, `through` is the
  line of the library that has allocated.
- `tasks`: how many tasks of asyncio are not done, in all event loops; null while the program has not imported asyncio.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Sequence
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from types import ModuleType

FOLDER = "ROO_ANSWERS_FOLDER"  # the variable with the folder of the sockets, which are named by process ids
_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would cost every program 10 ms
_LIBRARY = os.path.dirname(os.__file__)  # noqa: PTH120
_INSTALLED = ("site-packages", "dist-packages")
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)  # the program may have made the signal deadly
_loops: weakref.WeakSet[object] = weakref.WeakSet()  # that have run, from Python 3.14 on


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


def tasks() -> int | None:
    """How many tasks of asyncio are not done; None while asyncio is not there.

    Up to Python 3.13 tasks are in a set of weak references, which is copied in one step: other threads change it. Later
    ones have no such set, but tell of one event loop, and may be asked from any thread.
    """
    asyncio = sys.modules.get("asyncio.tasks")
    if asyncio is None:
        return None
    if sys.version_info >= (3, 14):
        return sum(len(asyncio.all_tasks(loop)) for loop in [ref() for ref in list(_loops.data)] if loop is not None)
    known = getattr(asyncio, "_scheduled_tasks", None)  # 3.12 and later
    known = getattr(asyncio, "_all_tasks", None) if known is None else known
    if known is None:  # asyncio is being imported
        return None
    found = set(getattr(asyncio, "_eager_tasks", ()))  # 3.12 and later: those that have not had to wait yet
    found.update(task for ref in list(known.data) if (task := ref()) is not None)
    return sum(not task.done() for task in found)


class LoopNoter:
    """Notes every event loop that runs. It finds modules, because nothing is to be done until asyncio is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Of the module to which every event loop tells that it runs, changed such that it is noted."""
        del target
        if name != "asyncio.events":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            load, loader = spec.loader.exec_module, vars(spec.loader)

            def exec_module(module: ModuleType) -> None:
                del loader["exec_module"]  # there may be one loader for all modules
                load(module)
                _note_loops(vars(module))

            loader["exec_module"] = exec_module
        return spec


def _note_loops(events: dict[str, Callable[[object], None]]) -> None:
    set_running_loop = events["_set_running_loop"]

    def noting(loop: object) -> None:
        if loop is not None:
            _loops.add(loop)
        set_running_loop(loop)

    events["_set_running_loop"] = noting


def answer(folder: str) -> threading.Thread:
    """Answer everybody who connects to the socket of this process, from a thread of its own, as long as it lives."""
    name = os.path.join(folder, str(os.getpid()))  # noqa: PTH118
    if os.path.exists(name):  # noqa: PTH110 - of a program that has replaced itself, or of one that has ended
        os.unlink(name)  # noqa: PTH108
    server = socket.socket(socket.AF_UNIX)
    server.bind(name)
    server.listen()
    thread = threading.Thread(target=_answer, args=(server,), name="roo-answers", daemon=True)
    thread.start()
    return thread


def _answer(server: socket.socket) -> None:
    while True:
        asking, _ = server.accept()
        try:
            with asking, asking.makefile("rb") as file:
                told = json.dumps(_done(file.readline().decode().strip()))
                asking.sendall(f"{told}\n".encode(), _NO_SIGNAL)
        except OSError as error:  # who asked did not wait
            sys.stderr.write(f"an answer was not waited for: {error}\n")


def _done(order: str) -> list[tuple[str, str, int, int]] | int | None:
    if order == "tasks":
        return tasks()
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
        if sys.version_info >= (3, 14):
            sys.meta_path.insert(0, LoopNoter())
        os.register_at_fork(after_in_child=lambda: answer(os.environ[FOLDER]))
    run_hidden()
