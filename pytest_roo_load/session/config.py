"""All options of a session as one value; nothing below this layer sees pytest's own configuration."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_roo_load.core.passwords import without_password
from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.gate import distributed
from pytest_roo_load.session.hosts import hosts_of, is_local
from pytest_roo_load.session.options import OPTIONS, read_option

if TYPE_CHECKING:
    import pytest

    from pytest_roo_load.core.accounts import Account

__all__ = ["Config", "read_config", "stay_here"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the user chose; None means "not set".

    Attributes:
        places: Where each option that is set was set, for messages.
    """

    target: str | None
    target_ws: str | None
    accounts: tuple[Account, ...]
    contract: str
    postgres: str | None
    redis: str | None
    scale: str
    generators: int | None
    fleet: str
    sla: Path
    seed: int | None
    directory: Path
    allow_remote: tuple[str, ...]
    allow_destructive: bool = False
    allocations: int | None = None
    tasks: bool = False
    instances: int | None = None
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks_target(self) -> bool:
        """Whether Python programs are to be started such that they answer what they are asked."""
        return self.allocations is not None or self.tasks


def read_config(config: pytest.Config) -> Config:
    """Read every option once.

    Raises:
        UsageError: A value is not allowed, or a URL leads to another machine without permission.
    """
    read = {option.name: read_option(option, config) for option in OPTIONS}
    values = {name: value for name, (value, _) in read.items()}
    places = {name: place for name, (_, place) in read.items() if place is not None}
    allowed = values["allow_remote"] or ()
    for name in ("target", "target_ws", "postgres", "redis"):
        if values[name] is not None:
            stay_here(values[name], allowed, places[name])
    return Config(
        target=values["target"],
        target_ws=values["target_ws"],
        contract=values["contract"] or "first",
        accounts=_accounts(config, values["accounts"], places.get("accounts", "")),
        postgres=values["postgres"],
        redis=values["redis"],
        scale=values["scale"] or "standard",
        generators=values["generators"],
        fleet=_fleet(config, values["fleet"], places.get("fleet")),
        sla=config.rootpath / (values["sla"] or "sla.toml"),
        seed=values["seed"],
        directory=config.rootpath / (values["directory"] or ".roo"),
        allow_remote=allowed,
        allow_destructive=values["allow_destructive"] or False,
        allocations=values["allocations"],
        tasks=values["tasks"] or False,
        instances=values["instances"],
        places=places,
    )


def _accounts(config: pytest.Config, file: str | None, place: str) -> tuple[Account, ...]:
    """The accounts of the file that the user named: from where pytest was started, or beside the ini file that says so.

    Raises:
        UsageError: It cannot be read, or something in it cannot be used.
    """
    if file is None:
        return ()
    from pytest_roo_load.core.accounts import parse_accounts  # noqa: PLC0415 - loaded when used

    folder = config.rootpath if place.startswith("ini") else config.invocation_params.dir
    try:
        text = (folder / file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = "cannot be read" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
        raise UsageError(problem, value=file, allowed="a readable UTF-8 JSON file of accounts", place=place) from None
    return parse_accounts(text, file, time.time())


def _fleet(config: pytest.Config, chosen: str | None, place: str | None) -> str:
    if chosen == "xdist" and not distributed(config):
        raise UsageError(
            "there are no workers to generate load",
            value=chosen,
            allowed="runs under pytest-xdist",
            place=place,
            remedy="add -n NUMBER",
        )
    if chosen is not None:
        return chosen
    if distributed(config):
        return "xdist"
    return "inline" if config.getoption("usepdb", default=False) else "local"


def stay_here(url: str, allowed: tuple[str, ...], place: str) -> None:
    """Refuse a URL that leads to another machine than this one and those that may be loaded.

    Raises:
        UsageError: Names the place and the option that gives permission.
    """
    permitted = {name.lower() for name in allowed}
    try:
        hosts = hosts_of(url, os.environ)
    except UsageError as error:
        raise error.at(place) from None
    foreign = [host for host in hosts if host not in permitted and not is_local(host)]
    if foreign:
        raise UsageError(
            "load would leave this machine",
            value=without_password(url),
            allowed=f"this machine{''.join(f', {name}' for name in allowed)}",
            place=place,
            remedy=f"if {' and '.join(foreign)} may be loaded, "
            f"add {' '.join(f'--roo-allow-remote {host}' for host in foreign)}",
        )
