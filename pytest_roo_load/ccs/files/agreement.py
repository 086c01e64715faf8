"""Which version of a path a user's devices agree on, when one of them offers another. No I/O.

A version is the SHA-256 of the content, None where there is no file. A device says on which version its own is based;
if that is the current one, nothing is lost by taking the offer.
"""

from __future__ import annotations

from dataclasses import dataclass

LOCAL_WINS, REMOTE_WINS, MERGE, MANUAL = "local_wins", "remote_wins", "merge", "manual"
RESOLUTIONS = (LOCAL_WINS, REMOTE_WINS, MERGE, MANUAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A device's version, the one it is based on, and how a conflict that the device knows of is to end."""

    hash: str | None
    base_hash: str | None
    resolution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of an offer: ``taken``, in ``conflict``, or neither because it changes nothing.

    ``operation`` is what is noted, None for nothing.
    """

    taken: bool = False
    conflict: bool = False
    operation: str | None = None


def decide(current: str | None, offer: Offer, *, disputed: bool = False) -> Decision:
    """Decide about an offer when ``current`` is what the devices agree on, or ``disputed`` among them.

    ``local_wins`` and ``merge`` replace a version only if the device has seen it, so that it names it as its base;
    ``remote_wins`` gives in to the current version; ``manual`` leaves the conflict to people.
    """
    if offer.resolution == MANUAL:
        return Decision(conflict=True, operation="resolve")
    if offer.hash == current:
        ends = offer.resolution is not None and disputed
        return Decision(taken=ends, operation="resolve" if ends else None)
    if offer.base_hash != current or offer.resolution == REMOTE_WINS:
        return Decision(conflict=True, operation="conflict")
    return Decision(taken=True, operation="resolve" if offer.resolution else _change(current, offer.hash))


def _change(before: str | None, after: str | None) -> str:
    if before is None:
        return "create"
    return "delete" if after is None else "update"
