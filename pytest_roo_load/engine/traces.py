"""Recorded traces: reading one, and the journey that asks for its requests again."""

from __future__ import annotations

from pathlib import Path

from pytest_roo_load.core.ports import User
from pytest_roo_load.core.trace import Trace, parse_trace
from pytest_roo_load.errors import UsageError

__all__ = ["as_recorded", "recorded_trace"]


def recorded_trace(path: str | Path) -> Trace:
    """The requests of an access log (common or combined log format) or of a file of JSON lines.

    Args:
        path: The file; relative to the folder in which pytest runs.

    Raises:
        UsageError: No such file, or a line that is in neither format; names it.
    """
    file = Path(path).absolute()
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            return parse_trace(lines, file.name)
    except OSError as error:
        allowed = "an access log, or a file of JSON lines"
        raise UsageError("the file cannot be read", value=str(file), allowed=allowed) from error


async def as_recorded(user: User) -> None:
    """Ask for every request of a trace as it was recorded: its method, path, query and JSON value."""
    async for _ in user.iterations():
        asked = user.recorded
        if asked is None:
            raise UsageError("no request to repeat", value=None, allowed="a profile that replays a trace: replay(...)")
        await user.http.request(asked.method, asked.path, json=asked.json)
