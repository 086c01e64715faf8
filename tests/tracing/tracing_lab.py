"""A real Python program that does what it is told."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_roo_load.tracing.environment import traced

PROGRAM = """
    import json, os, sys

    kept = []

    def keep(size):
        kept.append(bytearray(size))

    def parse(count):
        kept.append(json.loads(str([1000000 + number for number in range(count)])))

    print(os.getpid(), flush=True)
    for line in sys.stdin:
        exec(line)
        print("done", flush=True)
"""


class Program:
    """A program that does what it is told line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = int(self.read())

    def do(self, line: str) -> str:
        """What it prints first."""
        self.tell(line)
        answer = self.read()
        return answer if answer == "done" else f"{answer} {self.read()}"

    def tell(self, line: str) -> None:
        """Let it do that."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def read(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout
        return self._process.stdout.readline().strip()


@contextmanager
def program(folder: Path, *flags: str, path: str = "") -> Iterator[Program]:
    file = folder / "shop.py"
    file.write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    sockets = folder / "s"
    sockets.mkdir(exist_ok=True)
    environment = traced({**os.environ, "PYTHONPATH": path}, sockets)
    command = [sys.executable, *flags, str(file)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        yield Program(process)
