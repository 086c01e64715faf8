"""Load, stress, chaos and scalability tests as ordinary pytest tests.

Everything a test imports is here; each name is loaded when it is first used, so that importing the plugin stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_roo_load.clients.observing import observe
    from pytest_roo_load.core.feedback import feedback_rate
    from pytest_roo_load.core.leak import LeakLimits
    from pytest_roo_load.core.ports import User
    from pytest_roo_load.core.profiles import (
        arrival_rate,
        constant_users,
        iterations,
        poisson,
        ramping_rate,
        ramping_users,
        replay,
        soak,
        spike,
        spiking_rate,
        stairs,
    )
    from pytest_roo_load.core.result import Result
    from pytest_roo_load.core.units import minutes, seconds
    from pytest_roo_load.core.verdict import Verdict
    from pytest_roo_load.engine.feeds import csv_feed, json_lines_feed, made_feed
    from pytest_roo_load.engine.traces import as_recorded, recorded_trace
    from pytest_roo_load.errors import FeedExhausted, OperationError, RooLoadError, UsageError

__all__ = [
    "FeedExhausted",
    "LeakLimits",
    "OperationError",
    "Result",
    "RooLoadError",
    "UsageError",
    "User",
    "Verdict",
    "arrival_rate",
    "as_recorded",
    "constant_users",
    "csv_feed",
    "feedback_rate",
    "iterations",
    "json_lines_feed",
    "made_feed",
    "minutes",
    "observe",
    "poisson",
    "ramping_rate",
    "ramping_users",
    "recorded_trace",
    "replay",
    "seconds",
    "soak",
    "spike",
    "spiking_rate",
    "stairs",
]

_HOMES = {
    "LeakLimits": "pytest_roo_load.core.leak",
    "observe": "pytest_roo_load.clients.observing",
    "FeedExhausted": "pytest_roo_load.errors",
    "csv_feed": "pytest_roo_load.engine.feeds",
    "json_lines_feed": "pytest_roo_load.engine.feeds",
    "made_feed": "pytest_roo_load.engine.feeds",
    "OperationError": "pytest_roo_load.errors",
    "Result": "pytest_roo_load.core.result",
    "RooLoadError": "pytest_roo_load.errors",
    "UsageError": "pytest_roo_load.errors",
    "User": "pytest_roo_load.core.ports",
    "Verdict": "pytest_roo_load.core.verdict",
    "constant_users": "pytest_roo_load.core.profiles",
    "iterations": "pytest_roo_load.core.profiles",
    "arrival_rate": "pytest_roo_load.core.profiles",
    "poisson": "pytest_roo_load.core.profiles",
    "ramping_rate": "pytest_roo_load.core.profiles",
    "ramping_users": "pytest_roo_load.core.profiles",
    "replay": "pytest_roo_load.core.profiles",
    "feedback_rate": "pytest_roo_load.core.feedback",
    "as_recorded": "pytest_roo_load.engine.traces",
    "recorded_trace": "pytest_roo_load.engine.traces",
    "soak": "pytest_roo_load.core.profiles",
    "spike": "pytest_roo_load.core.profiles",
    "spiking_rate": "pytest_roo_load.core.profiles",
    "stairs": "pytest_roo_load.core.profiles",
    "minutes": "pytest_roo_load.core.units",
    "seconds": "pytest_roo_load.core.units",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
