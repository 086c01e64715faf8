"""Facts on a run for run.json: when, how, where, on what."""

from __future__ import annotations

import getpass
import os
import platform
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pytest_roo_load.core.passwords import without_password
from pytest_roo_load.core.schema import RUN_SCHEMA
from pytest_roo_load.session.options import OPTIONS
from pytest_roo_load.session.stack import Service

__all__ = ["beginning", "now", "services"]

_PACKAGES = ("pytest", "pytest-xdist", "uvloop", "httptools", "picows", "aiohttp", "asyncpg", "redis", "numpy")


def now() -> str:
    """The present moment as ISO 8601 text."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def beginning(directory: Path, seed: int, scale: str, arguments: list[str]) -> dict[str, Any]:
    """The facts that are known when a run begins."""
    return {
        "schema": RUN_SCHEMA,
        "id": directory.name,
        "directory": str(directory),
        "started_at": now(),
        "finished_at": None,
        "status": "running",
        "reason": "",
        "command": " ".join(["pytest", *_without_secrets(arguments)]),
        "scale": scale,
        "seed": seed,
        "exit_status": None,
        "environment": _environment(),
        "services": {},
    }


def services(found: Mapping[str, Service]) -> dict[str, Any]:
    """The services of a run, their URLs without passwords."""
    return {
        name: {
            "url": service.shown,
            "version": service.version,
            "ready_s": service.ready_s,
            "from_template": service.from_template,
            "embedded": service.embedded,
            "pids": list(service.pids),
        }
        for name, service in found.items()
    }


def _without_secrets(arguments: list[str]) -> list[str]:
    """The command line with the passwords of URLs hidden."""
    flags = tuple(f"{option.flag}=" for option in OPTIONS)
    shown = []
    for argument in arguments:
        flag, equals, value = argument.partition("=") if argument.startswith(flags) else ("", "", argument)
        shown.append(f"{flag}{equals}{without_password(value)}")
    return shown


def _environment() -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "user": _user(),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "kernel": platform.release(),
        "cpu_model": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "plugin": _version("pytest-roo-load"),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
