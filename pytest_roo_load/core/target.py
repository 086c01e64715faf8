"""What the processes of the system under test are called in results, objectives and reports."""

from __future__ import annotations

from collections.abc import Container

__all__ = ["EMBEDDED", "OWN", "TARGETS", "meant", "target_among"]

EMBEDDED = "ccs"
OWN = "target"
TARGETS = (OWN, EMBEDDED)


def target_among(names: Container[str]) -> str:
    """The target's name among those in use: "target" for a user's own server, "ccs" for the embedded one."""
    return OWN if OWN in names else EMBEDDED


def meant(name: str | None, names: Container[str]) -> str:
    """The process of those in use that a name stands for: both names of the target, and None, stand for the target."""
    return target_among(names) if name is None or name in TARGETS else name
