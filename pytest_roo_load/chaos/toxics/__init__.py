"""The toxics, each settings and one `pipe`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pytest_roo_load.chaos.stage import Toxic
from pytest_roo_load.chaos.toxics.bandwidth import Bandwidth
from pytest_roo_load.chaos.toxics.ending import LimitData, Reset, SlowClose
from pytest_roo_load.chaos.toxics.latency import Latency
from pytest_roo_load.chaos.toxics.loss import Loss
from pytest_roo_load.chaos.toxics.shape import Corruption, Slicer
from pytest_roo_load.chaos.toxics.silence import Partition, Timeout
from pytest_roo_load.errors import UsageError

__all__ = ["TOXICS", "make", "make_toxic"]

TOXICS: Mapping[str, type[Any]] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "loss": Loss,
    "timeout": Timeout,
    "partition": Partition,
    "reset": Reset,
    "slow_close": SlowClose,
    "limit_data": LimitData,
    "slicer": Slicer,
    "corruption": Corruption,
}
_LEAST = {"rate": {"bandwidth": 1.0}, "size": {"slicer": 1.0}, "burst": {"loss": 1.0}, "limit": {"limit_data": 1.0}}
_SHARES = {"loss", "corruption", "duplicate", "reorder"}


def make_toxic(kind: str, settings: Mapping[str, Any]) -> Toxic:
    """A toxic of a kind, for connections.

    Raises:
        UsageError: There is no such kind or setting, one is missing, or its value is out of range.
    """
    toxic: Toxic = make(TOXICS, kind, settings)
    return toxic


def make(kinds: Mapping[str, type[Any]], kind: str, settings: Mapping[str, Any]) -> Any:
    """One of these kinds.

    Raises:
        UsageError: There is no such kind or setting, one is missing, or its value is out of range.
    """
    if kind not in kinds:
        raise UsageError("no such toxic", value=kind, allowed=", ".join(kinds))
    fields = {field.name: field for field in dataclasses.fields(kinds[kind])}
    for name, value in settings.items():
        if name not in fields:
            raise UsageError(f"{kind} has no such setting", value=name, allowed=", ".join(fields) or "none")
        _check(kind, name, value)
    missing = [name for name, one in fields.items() if one.default is dataclasses.MISSING and name not in settings]
    if missing:
        raise UsageError(f"{kind} needs a setting", value=missing[0], allowed=", ".join(fields))
    return kinds[kind](**settings)


def _check(kind: str, name: str, value: object) -> None:
    least = _LEAST.get(name, {}).get(kind, 0.0)
    most = 1.0 if name == "rate" and kind in _SHARES else 1e12
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise UsageError(
            f"{name} of {kind} is out of range", value=value, allowed=f"a number from {least:g} to {most:g}"
        )
