"""The messages between the keeper and its clients: one JSON object per line, one request per connection.

Requests: `{"do": "ensure", "name": ..., "options": {...}}`, `{"do": "services"}`, `{"do": "shutdown"}`,
`{"do": "begin faults", "start": ..., "faults": [...], "strangers": {...}}`, the same without a start
to `"check faults"`, `{"do": "faults"}`, `{"do": "end faults"}`.
Answers: `{"keeper": IDENTITY, "value": ...}` or `{"keeper": IDENTITY, "error": {"kind": ..., ...}}`.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from pytest_roo_load.core.recipe import ServiceInfo
from pytest_roo_load.errors import KeeperError, RooLoadError, ServiceError, UsageError

__all__ = ["LONGEST", "decode", "encode", "error_from", "error_to", "info_from", "info_to"]

LONGEST = 1 << 20  # bytes in one message
USAGE_FACTS = ("problem", "value", "allowed", "place", "remedy")


def encode(message: dict[str, Any]) -> bytes:
    """One message as one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The message in one line.

    Raises:
        KeeperError: The line is cut off or no JSON object.
    """
    if line.endswith(b"\n"):
        try:
            message = json.loads(line)
        except ValueError as error:
            raise KeeperError(f"the keeper's socket carried something that is no message: {error}") from error
        if isinstance(message, dict):
            return message
    raise KeeperError(f"the keeper's socket carried a message of {len(line)} bytes that is cut off or no JSON object")


def error_to(error: RooLoadError) -> dict[str, Any]:
    """An error as data."""
    if isinstance(error, UsageError):
        return {"kind": "usage", **{fact: getattr(error, fact) for fact in USAGE_FACTS}}
    return {"kind": "keeper" if isinstance(error, KeeperError) else "service", "text": str(error)}


def error_from(data: dict[str, Any]) -> RooLoadError:
    """The reverse of `error_to`."""
    facts = dict(data)
    kind = facts.pop("kind")
    if kind == "usage":
        return UsageError(facts.pop("problem"), **facts)
    return (KeeperError if kind == "keeper" else ServiceError)(facts["text"])


def info_to(info: ServiceInfo) -> dict[str, Any]:
    """A service as data."""
    return dataclasses.asdict(info)


def info_from(data: dict[str, Any]) -> ServiceInfo:
    """The reverse of `info_to`."""
    return ServiceInfo(**{**data, "pids": tuple(data["pids"])})
