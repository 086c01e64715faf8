"""The options: one row each makes the flag, the ini key, the environment variable and the help text."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pytest_roo_load.core.passwords import without_password
from pytest_roo_load.errors import UsageError

if TYPE_CHECKING:
    import pytest

__all__ = ["OPTIONS", "Option", "add_options", "read_option"]

SCALES = ("quick", "standard", "soak")
FLEETS = ("local", "inline", "xdist")
CONTRACT = ("first", "skip")
_MOST_INSTANCES = 16
_MOST_GENERATORS = 256
_MOST_FRAMES = 100
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option.

    Attributes:
        name: Makes `--roo-NAME`, the ini key `roo_NAME` and the variable `ROO_NAME`.
        help: One sentence.
        metavar: How its value is shown in the help.
        parse: Makes the value from its text, or raises UsageError.
        repeatable: May be given several times; its value is a tuple then.
        switch: The flag takes no value; the ini key and the variable take yes or no.
    """

    name: str
    help: str
    metavar: str
    parse: Callable[[str], Any]
    repeatable: bool = False
    switch: bool = False

    @property
    def flag(self) -> str:
        """The command line's form."""
        return f"--roo-{self.name.replace('_', '-')}"

    @property
    def key(self) -> str:
        """The ini file's form."""
        return f"roo_{self.name}"

    @property
    def variable(self) -> str:
        """The environment's form."""
        return f"ROO_{self.name.upper()}"


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise UsageError("unknown value", value=text, allowed=", ".join(allowed))
        return text

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.strip().lstrip("-").isdecimal() and low <= int(text) <= high):
            raise UsageError("not a number in range", value=text, allowed=f"a whole number from {low} to {high:,}")
        return int(text)

    return parse


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        """The URL, unchanged."""
        from urllib.parse import urlsplit  # noqa: PLC0415 - only when an option has a URL

        allowed = " or ".join(f"{scheme}://HOST:PORT" for scheme in schemes)
        try:
            parts = urlsplit(text)
            usable = parts.scheme in schemes and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable or not (parts.hostname or parts.query or parts.path):
            raise UsageError("not a URL for this option", value=without_password(text), allowed=allowed)
        return text

    return parse


def _address(text: str) -> str:
    """The URL, unchanged: of a host, without a path."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - only when there is one

    parts = urlsplit(_url("http", "https")(text))
    if not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise UsageError(
            "not the address of a server",
            value=without_password(text),
            allowed="http://HOST:PORT or https://HOST:PORT",
            remedy="paths belong into journeys",
        )
    return text


def _truth(text: str) -> bool:
    if text not in (*_YES, *_NO):
        raise UsageError("neither yes nor no", value=text, allowed=", ".join((*_YES, *_NO)))
    return text in _YES


def _text(text: str) -> str:
    if not text.strip():
        raise UsageError("empty", value=text, allowed="some text")
    return text


OPTIONS = (
    Option(
        name="target",
        metavar="URL",
        parse=_address,
        help="System under test; default: an embedded server.",
    ),
    Option(
        name="target_ws",
        metavar="URL",
        parse=_url("ws", "wss"),
        help="Where the target's WebSockets are, when not on its own port; with a path, connections go to that path.",
    ),
    Option(
        name="accounts",
        metavar="FILE",
        parse=_text,
        help="Accounts that exist at the target, as JSON: a list of {user_id, email, password, device_id, token}.",
    ),
    Option(
        name="contract",
        metavar="WHEN",
        parse=_one_of(*CONTRACT),
        help="When the phase checks a named target against the contract of a CCS: first (default), or skip.",
    ),
    Option(
        name="postgres",
        metavar="DSN",
        parse=_url("postgresql", "postgres"),
        help="PostgreSQL for the embedded server; default: an embedded one.",
    ),
    Option(
        name="redis",
        metavar="URL",
        parse=_url("redis", "unix"),
        help="Redis for the embedded server; default: an embedded one.",
    ),
    Option(
        name="instances",
        metavar="N",
        parse=_whole(1, _MOST_INSTANCES),
        help="Instances of the embedded server, behind a load balancer when there are several; default: 1.",
    ),
    Option(
        name="scale",
        metavar="SCALE",
        parse=_one_of(*SCALES),
        help="Durations and sizes of the phase's scenarios: quick, standard (default) or soak.",
    ),
    Option(
        name="generators",
        metavar="N",
        parse=_whole(1, _MOST_GENERATORS),
        help="Number of generator processes; default: 1, or under pytest -n all workers.",
    ),
    Option(
        name="fleet",
        metavar="WHERE",
        parse=_one_of(*FLEETS),
        help="Where generators live: local (child processes, default), inline (this process; default under --pdb) or "
        "xdist (the workers of pytest -n, default there).",
    ),
    Option(name="sla", metavar="FILE", parse=_text, help="Table of objectives; default: sla.toml beside the ini file."),
    Option(
        name="seed",
        metavar="N",
        parse=_whole(0, 2**32 - 1),
        help="Seed of the virtual users' random choices; default: a new one, shown in the report.",
    ),
    Option(
        name="directory", metavar="DIR", parse=_text, help="Where runs are kept; default: .roo beside the ini file."
    ),
    Option(
        name="allow_remote",
        metavar="HOST",
        parse=_text,
        repeatable=True,
        help="Allow load to leave this machine for this host; may be given several times.",
    ),
    Option(
        name="allow_destructive",
        metavar="",
        parse=_truth,
        switch=True,
        help="Allow faults of services that this run has not started.",
    ),
    Option(
        name="allocations",
        metavar="FRAMES",
        parse=_whole(1, _MOST_FRAMES),
        help="Tell with a leak which lines of a Python target allocate: keep so many frames of each allocation. With 1 "
        "the target works at a third of its speed, with 3 at a sixth, and libraries that allocate are told with the "
        "line that has called them; default: nothing is traced.",
    ),
    Option(
        name="tasks",
        metavar="",
        parse=_truth,
        switch=True,
        help="Count the asyncio tasks of a Python target once a second, so that a test can tell whether they leak.",
    ),
)


def add_options(parser: pytest.Parser) -> None:
    """Declare every option to pytest."""
    group = parser.getgroup("roo-load", "load, stress and chaos tests (pytest-roo-load)")
    for option in OPTIONS:
        group.addoption(
            option.flag,
            dest=option.key,
            default=None,
            help=f"{option.help} [ini: {option.key}, environment: {option.variable}]",
            **_action(option),
        )
        kind: Literal["linelist", "string"] = "linelist" if option.repeatable else "string"
        parser.addini(option.key, option.help, type=kind, default=None)


def _action(option: Option) -> dict[str, str]:
    if option.switch:
        return {"action": "store_const", "const": _YES[0]}
    return {"action": "append" if option.repeatable else "store", "metavar": option.metavar}


def read_option(option: Option, config: pytest.Config) -> tuple[Any, str | None]:
    """The option's value, or None when it is not set, and where it was set; the flag wins, then the variable, then ini.

    Raises:
        UsageError: Its text is not allowed; names the place.
    """
    for place, given in (
        (f"option {option.flag}", config.getoption(option.key)),
        (f"variable {option.variable}", os.environ.get(option.variable)),
        (f"ini key {option.key}", config.getini(option.key)),
    ):
        if given in (None, []):
            continue
        texts = given if isinstance(given, list) else given.split(",") if option.repeatable else [given]
        try:
            values = tuple(option.parse(text) for text in texts)
        except UsageError as error:
            raise error.at(place) from None
        return (values if option.repeatable else values[0]), place
    return None, None
