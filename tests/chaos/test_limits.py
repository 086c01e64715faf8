"""Limits of a process, by what it has."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_roo_load.chaos.limits import unused_descriptor
from pytest_roo_load.errors import FaultError

HOLDS_THREE_AND_CLOSES_THE_SECOND = """
import os, sys
first, second, third = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
os.close(second)
print(second, third, flush=True)
sys.stdin.read()
"""


def test_numbers_of_closed_descriptors_are_unused() -> None:
    command = [sys.executable, "-c", HOLDS_THREE_AND_CLOSES_THE_SECOND]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        second, third = map(int, child.stdout.readline().split())
        assert unused_descriptor(child.pid, 0) == second
        assert unused_descriptor(child.pid, 1) == third + 1
        assert unused_descriptor(child.pid, 2) == third + 2
        child.stdin.close()
    with pytest.raises(FaultError, match="not to be seen"):
        unused_descriptor(child.pid, 0)
