"""A generator's virtual user, for the contract that it and the shipped fake keep."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_roo_load.core.profiles import iterations
from pytest_roo_load.core.result import Result
from pytest_roo_load.engine.fleet.inline import InlineFleet
from pytest_roo_load.engine.journeys import check_journeys, pack
from pytest_roo_load.engine.runner import Load, perform
from pytest_roo_load.engine.shard import Shard
from pytest_roo_load.testing import FakeProbe

__all__ = ["perform_for_real"]


def perform_for_real(journey: Callable[..., Any], live: Path, target: str | None = None) -> Result:
    """What user 0 of a generator with seed 1 records in three iterations."""
    shard = Shard(
        journeys=pack(list(check_journeys(journey))),
        weights=(1.0,),
        plan=iterations(3, users=1).plan(),
        run="unit",
        seed=1,
        target=target,
        modules=tuple(sys.path),
    )
    return perform(Load(shard=shard, fleet=InlineFleet(), probe=lambda _: FakeProbe({}), live=live))[0]
