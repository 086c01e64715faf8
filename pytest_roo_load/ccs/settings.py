"""The options of the server: one table row makes the flag, the environment variable, the check and the help."""

from __future__ import annotations

import argparse
import math
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_roo_load.ccs.errors import SettingsError

MIN_SECRET_BYTES = 32
LOG_LEVELS = ("debug", "info", "warning", "error")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the server can be told. Times are seconds; the secrets stay out of the ``repr``."""

    database: str = field(repr=False)
    redis: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    host: str
    port: int
    workers: int
    listen_fd: int
    tls_cert: str
    tls_key: str
    bcrypt_cost: int
    instance_id: str
    environment: str
    pool_size: int
    log_level: str
    startup_timeout: float
    drain_timeout: float
    access_ttl: float
    refresh_ttl: float
    ws_max_connections: int
    ws_ping_interval: float
    ws_session_timeout: float
    ws_queue_size: int
    ws_queue_ttl: float
    file_root: str
    rate_window: float
    rate_general: int
    rate_login: int
    rate_upload: int
    max_in_flight: int
    max_lag: float
    max_memory: int
    drain_delay: float
    commands_per_user: int
    command_queue_size: int
    command_lease: float
    command_ttl: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: ``parse`` turns its text into a value or raises ``ValueError`` with what is allowed.

    ``default`` is text, or a function that makes it at start; None means that the option is required.
    """

    name: str
    parse: Callable[[str], Any]
    help: str
    default: str | Callable[[], str] | None = None

    @property
    def flag(self) -> str:
        """The command line spelling."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"CCS_{self.name.upper()}"


def read_settings(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Return the settings of a command line and an environment; a flag wins over its variable.

    Raises:
        SettingsError: naming every option that is missing or out of range.
    """
    given = vars(_parser().parse_args(argv))
    values: dict[str, Any] = {}
    problems: list[str] = []
    for option in OPTIONS:
        source, text = _find(option, given[option.name], environ)
        if text is None:
            problems.append(f"{option.flag} (or {option.variable}) is required: {option.help}")
            continue
        try:
            values[option.name] = option.parse(text)
        except ValueError as error:
            shown = "" if option.name in _SECRETS else f", not {text!r}"
            problems.append(f"{source} must be {error}{shown}")
    if bool(values.get("tls_cert")) != bool(values.get("tls_key")):
        problems.append("--tls-cert and --tls-key belong together: give both or neither")
    if problems:
        raise SettingsError(problems)
    return Settings(**values)


def _find(option: Option, flag: str | None, environ: Mapping[str, str]) -> tuple[str, str | None]:
    if flag is not None:
        return option.flag, flag
    if option.variable in environ:
        return option.variable, environ[option.variable]
    return option.flag, option.default() if callable(option.default) else option.default


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pytest_roo_load.ccs",
        description="The reference Communication & Control Server.",
        epilog="Every option can be given as an environment variable: CCS_ and its name, as in CCS_JWT_SECRET.",
        allow_abbrev=False,
    )
    for option in OPTIONS:
        default = f" (default: {option.default})" if isinstance(option.default, str) else ""
        parser.add_argument(option.flag, help=option.help + default, metavar=option.name.upper())
    return parser


def _whole(low: int, high: int) -> Callable[[str], int]:
    allowed = f"a whole number from {low} to {high}"

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(allowed) from None
        if not low <= value <= high:
            raise ValueError(allowed)
        return value

    return parse


def _seconds(text: str) -> float:
    allowed = "a number of seconds above 0"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(allowed) from None
    if not 0 < value < math.inf:
        raise ValueError(allowed)
    return value


def _seconds_or_none(text: str) -> float:
    return 0.0 if text.strip() == "0" else _seconds(text)


def _starting(*prefixes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not text.startswith(prefixes):
            raise ValueError("a URL that starts with " + " or ".join(prefixes))
        return text

    return parse


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return text

    return parse


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("1 to 64 letters, digits, dots, dashes or underscores")
    return text


def _host(text: str) -> str:
    if not text.strip():
        raise ValueError("a host name or address")
    return text


def _folder(text: str) -> str:
    if text and (not Path(text).is_absolute() or Path(text).is_file()):
        raise ValueError("the absolute path of a folder")
    return text


def _file(text: str) -> str:
    if text and not Path(text).is_file():
        raise ValueError("a file that exists")
    return text


def _secret(text: str) -> str:
    if len(text.encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"at least {MIN_SECRET_BYTES} bytes long")
    return text


_SECRETS = frozenset({"database", "redis", "jwt_secret"})

OPTIONS = (
    Option(name="database", parse=_starting("postgresql://", "postgres://"), help="PostgreSQL DSN"),
    Option(name="redis", parse=_starting("redis://", "rediss://", "unix://"), help="Redis URL"),
    Option(
        name="jwt_secret",
        parse=_secret,
        help="key that signs the tokens, the same on all instances; random when not given; prefer the variable",
        default=lambda: secrets.token_hex(MIN_SECRET_BYTES),
    ),
    Option(name="host", parse=_host, help="address to listen on", default="127.0.0.1"),
    Option(name="port", parse=_whole(0, 65535), help="port to listen on, 0 for any free one", default="0"),
    Option(
        name="workers",
        parse=_whole(1, 64),
        help="processes that serve the port together, each an instance of its own",
        default="1",
    ),
    Option(
        name="listen_fd",
        parse=_whole(-1, 2**20),
        help="descriptor of a socket that listens already, as workers get it; -1 for none",
        default="-1",
    ),
    Option(
        name="tls_cert",
        parse=_file,
        help="PEM file with the certificate chain; with it the server speaks TLS",
        default="",
    ),
    Option(name="tls_key", parse=_file, help="PEM file with the certificate's key", default=""),
    Option(name="bcrypt_cost", parse=_whole(4, 16), help="bcrypt work factor of new passwords", default="12"),
    Option(
        name="instance_id",
        parse=_name,
        help="name of this instance, unique among those that share a Redis; random when not given",
        default=lambda: f"ccs-{secrets.token_hex(4)}",
    ),
    Option(name="environment", parse=_name, help="environment named in health answers", default="test"),
    Option(name="pool_size", parse=_whole(1, 500), help="database connections at most", default="20"),
    Option(name="log_level", parse=_one_of(*LOG_LEVELS), help="least severe log line on stderr", default="warning"),
    Option(name="startup_timeout", parse=_seconds, help="seconds to wait for PostgreSQL and Redis", default="30"),
    Option(name="drain_timeout", parse=_seconds, help="seconds that requests get to end at shutdown", default="10"),
    Option(name="access_ttl", parse=_seconds, help="seconds an access token is good for", default="900"),
    Option(name="refresh_ttl", parse=_seconds, help="seconds a refresh token is good for", default="604800"),
    Option(name="ws_max_connections", parse=_whole(1, 1_000_000), help="WebSockets at a time", default="10000"),
    Option(name="ws_ping_interval", parse=_seconds, help="seconds between WebSocket pings", default="30"),
    Option(name="ws_session_timeout", parse=_seconds, help="seconds of silence that end a WebSocket", default="90"),
    Option(name="ws_queue_size", parse=_whole(1, 1_000_000), help="frames kept for an absent device", default="1000"),
    Option(name="ws_queue_ttl", parse=_seconds, help="seconds that they are kept", default="86400"),
    Option(
        name="file_root",
        parse=_folder,
        help="folder for the bytes of files, the same for all instances; one that is deleted at the end when not given",
        default="",
    ),
    Option(name="rate_window", parse=_seconds, help="seconds that the rate limits look back", default="900"),
    Option(
        name="rate_general",
        parse=_whole(0, 10**9),
        help="requests of an address, and of a user, in a window; 0 for no limit",
        default="100",
    ),
    Option(name="rate_login", parse=_whole(0, 10**9), help="logins of an address in a window; 0 for any", default="5"),
    Option(name="rate_upload", parse=_whole(0, 10**9), help="uploads of a user in a window; 0 for any", default="20"),
    Option(name="max_in_flight", parse=_whole(1, 10**6), help="requests at a time, beyond that 503", default="1000"),
    Option(name="max_lag", parse=_seconds, help="seconds the event loop may be late, beyond that 503", default="3"),
    Option(
        name="max_memory",
        parse=_whole(0, 10**6),
        help="resident memory in MB (10^6 bytes), beyond that 503; 0 for any",
        default="0",
    ),
    Option(
        name="drain_delay",
        parse=_seconds_or_none,
        help="seconds that health is 503 before a stop closes the port, so that load balancers notice",
        default="0",
    ),
    Option(name="commands_per_user", parse=_whole(1, 10_000), help="commands of a user at a time", default="10"),
    Option(
        name="command_queue_size", parse=_whole(1, 10_000_000), help="commands of a user that may wait", default="10000"
    ),
    Option(
        name="command_lease",
        parse=_seconds,
        help="seconds after which others take over from a silent worker",
        default="5",
    ),
    Option(
        name="command_ttl", parse=_seconds, help="seconds a command waits for a device that is away", default="3600"
    ),
)
