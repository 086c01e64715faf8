"""What is loaded in every pytest run: just enough to see whether the run is any of our business."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_roo_load.session.options import OPTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_roo_load.session.measured import Measured
    from pytest_roo_load.session.plan import TestPlan
    from pytest_roo_load.session.run import Run

__all__ = [
    "INPUT_KEY", "MEASURING", "concerned", "configured", "declare_markers", "distributed", "is_worker", "measured_key",
    "measuring_elsewhere", "plan_key", "report_key", "run_key",
]  # fmt: skip

MEASURING = frozenset(
    {
        *("virtual_users", "capacity", "consistency", "leaks"),
        *("postgres_stress", "redis_stress", "message_queue", "websocket_swarm"),
        *("file_sync", "commands", "mass_users"),
    }
)
INPUT_KEY = "roo_load"
_MARKERS = (
    "sla(*objectives): what each run() of the test must meet, such as 'p95 < 3 s'",
    "scenario(name): the table of sla.toml whose objectives each run() of the test must meet",
    "needs(*features): what a CCS must offer for the test, such as 'commands'; else it is skipped as not offered",
    "contract: whether the target keeps the contract of a CCS",
    "concurrent_users: phase 3.3.2.1, concurrent users",
    "high_volume: phase 3.3.2.2, high volumes of data",
    "stress: phase 3.3.2.3, faults, exhaustion and leaks",
)
_ASKING = frozenset({"sla", "scenario", "needs"})

run_key: pytest.StashKey[Run] = pytest.StashKey()
plan_key: pytest.StashKey[TestPlan] = pytest.StashKey()
measured_key: pytest.StashKey[Measured] = pytest.StashKey()
report_key: pytest.StashKey[Path] = pytest.StashKey()


def declare_markers(config: pytest.Config) -> None:
    """Tell pytest the markers."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def configured(config: pytest.Config) -> bool:
    """Whether any option is set anywhere, so that its value must be checked even if nothing measures."""
    return any(
        config.getoption(option.key) is not None or option.variable in os.environ or config.getini(option.key)
        for option in OPTIONS
    )


def concerned(made: object) -> list[pytest.Item]:
    """The tests just collected that are our business: they take a fixture that measures, or carry a marker of ours."""
    items = made if isinstance(made, list) else [made]
    return [item for item in items if isinstance(item, pytest.Item) and _concerns(item)]


def _concerns(item: pytest.Item) -> bool:
    given = item.callspec.params if hasattr(item, "callspec") else {}  # an argument of that name is no fixture
    return any(name in MEASURING and name not in given for name in getattr(item, "fixturenames", ())) or any(
        marker.name in _ASKING for marker in item.iter_markers()
    )


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker of xdist."""
    return hasattr(config, "workerinput")


def distributed(config: pytest.Config) -> bool:
    """Whether this process is a worker of xdist or the controller of some."""
    mode: str = config.getoption("dist", default="no")
    return is_worker(config) or (mode != "no" and bool(config.getoption("tx", default=None)))


def measuring_elsewhere(config: pytest.Config) -> bool:
    """Whether this is an xdist worker that joins a run in which somebody measures already."""
    worker_input = getattr(config, "workerinput", {})
    return INPUT_KEY in worker_input and os.path.exists(worker_input[INPUT_KEY]["locks"])  # noqa: PTH110 - no import
