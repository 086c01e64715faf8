"""Fakes for unit tests of journeys, and servers for tests on real sockets: docs/testing-journeys.md.

What is faked here passes the same contract tests as what it stands for.
"""

from __future__ import annotations

from pytest_roo_load.testing.oracle import Answered, OracleServer, Stall
from pytest_roo_load.testing.probe import FakeProbe
from pytest_roo_load.testing.process import own_server
from pytest_roo_load.testing.recorder import FakeRecorder, FakeSlot
from pytest_roo_load.testing.user import FakeUser

__all__ = [
    "Answered",
    "FakeProbe",
    "FakeRecorder",
    "FakeSlot",
    "FakeUser",
    "OracleServer",
    "Stall",
    "own_server",
]
