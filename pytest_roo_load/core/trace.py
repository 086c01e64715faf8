"""Recorded requests, read from an access log or from JSON lines, to be asked again.

An access log is in the common or the combined log format::

    HOST IDENT USER [10/Oct/2026:13:55:36 +0000] "GET /index.html HTTP/1.1" STATUS BYTES ["REFERER" "AGENT"]

Its moments are whole seconds: requests of the same second are spread evenly over it, in their order. A line without a
request (`"-"`) is passed over and counted. In JSON lines each line is an object: `path`; `at` in seconds or `time` in
ISO 8601; and, if need be, `method` (default GET) and `json`, the value to send.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite
from typing import Any

from pytest_roo_load.errors import UsageError

__all__ = ["Recorded", "Trace", "parse_trace"]

_ACCESS = re.compile(r'\S+ \S+ .*?\[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" \d{3} (?:\d+|-)(?: .*)?')
_REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<path>/\S*) HTTP/\d(?:\.\d)?")
_TIME = "%d/%b/%Y:%H:%M:%S %z"
_METHOD = re.compile(r"[A-Z]+")
_MOST = 1_000_000
_LOG_FORM = 'HOST IDENT USER [10/Oct/2026:13:55:36 +0000] "GET /path HTTP/1.1" STATUS BYTES'
_JSON_FORM = '{"at": 0.25, "method": "GET", "path": "/path"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One recorded request.

    Attributes:
        at_s: Seconds from the first request of its trace.
        method: In capitals.
        path: With the query.
        json: What was sent; None for nothing.
    """

    at_s: float
    method: str
    path: str
    json: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Recorded requests in the order of their moments.

    Attributes:
        source: Where they were recorded.
        requests: At least one; the first is at 0 s.
        passed_over: Lines that told of no request.
    """

    source: str
    requests: tuple[Recorded, ...]
    passed_over: int = 0

    @property
    def length_s(self) -> float:
        """Seconds from the first request to where one more would come, if it kept the mean distance."""
        number, last = len(self.requests), self.requests[-1].at_s
        return last * number / (number - 1) if last else 1.0


def parse_trace(lines: Iterable[str], source: str) -> Trace:
    """The trace that lines of text tell of; which format they have, the first one says.

    Args:
        lines: Empty ones are passed over.
        source: Their place, for messages.

    Raises:
        UsageError: A line is in neither format, or there is no request; names file and line.
    """
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if len(numbered) > _MOST:
        raise UsageError("the trace is too long", value=len(numbered), allowed=f"{_MOST:,} requests", place=source)
    as_json = bool(numbered) and numbered[0][1].startswith("{")
    found = [(_json if as_json else _logged)(line, f"{source}:{number}") for number, line in numbered]
    requests = [one for one in found if one is not None]
    if not requests:
        raise UsageError(
            "a trace without a request", value=source, allowed=f"lines such as {_LOG_FORM} or {_JSON_FORM}"
        )
    return Trace(
        source=source, requests=_from_zero(requests, whole=not as_json), passed_over=len(found) - len(requests)
    )


def _from_zero(requests: list[Recorded], *, whole: bool) -> tuple[Recorded, ...]:
    """In order, from 0 s on; moments that are whole seconds are spread over them."""
    ordered = sorted(requests, key=lambda one: one.at_s)
    if whole:
        ordered = _spread(ordered)
    first = ordered[0].at_s
    return tuple(replace(one, at_s=one.at_s - first) for one in ordered)


def _spread(ordered: list[Recorded]) -> list[Recorded]:
    of_second, seen, result = Counter(one.at_s for one in ordered), Counter[float](), []
    for one in ordered:
        result.append(replace(one, at_s=one.at_s + seen[one.at_s] / of_second[one.at_s]))
        seen[one.at_s] += 1
    return result


def _logged(line: str, place: str) -> Recorded | None:
    match = _ACCESS.fullmatch(line)
    if match is None:
        raise UsageError("not a line of an access log", value=line[:200], allowed=_LOG_FORM, place=place)
    request = _REQUEST.fullmatch(match["request"])
    if request is None:
        if match["request"] in {"-", ""}:
            return None
        raise UsageError("not a request", value=match["request"][:200], allowed="METHOD /path HTTP/1.1", place=place)
    try:
        moment = datetime.strptime(match["time"], _TIME).timestamp()  # noqa: DTZ007 - the format has the zone
    except ValueError:
        allowed = "10/Oct/2026:13:55:36 +0000"
        raise UsageError("not a moment of an access log", value=match["time"], allowed=allowed, place=place) from None
    return Recorded(at_s=moment, method=request["method"], path=request["path"])


def _json(line: str, place: str) -> Recorded:
    try:
        value = json.loads(line)
    except ValueError:
        raise UsageError("not JSON", value=line[:200], allowed=_JSON_FORM, place=place) from None
    path = value.get("path") if isinstance(value, dict) else None
    method = value.get("method", "GET") if isinstance(value, dict) else None
    if not isinstance(path, str) or not path.startswith("/"):
        raise UsageError("no path that begins with /", value=path, allowed=_JSON_FORM, place=place)
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        raise UsageError("not a method", value=method, allowed="a word in capitals", place=place)
    return Recorded(at_s=_moment(value, place), method=method, path=path, json=value.get("json"))


def _moment(value: dict[str, Any], place: str) -> float:
    at, time = value.get("at"), value.get("time")
    if isinstance(at, int | float) and not isinstance(at, bool) and isfinite(at):
        return float(at)
    if isinstance(time, str):
        try:
            return datetime.fromisoformat(time).timestamp()
        except ValueError:
            pass
    allowed = '"at" in seconds, or "time" in ISO 8601'
    raise UsageError("no moment", value={"at": at, "time": time}, allowed=allowed, place=place)
