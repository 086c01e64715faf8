"""How far a fault of a link reaches: which way, how long, and which connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from pytest_roo_load.core.profiles.plan import positive
from pytest_roo_load.core.suggestion import did_you_mean
from pytest_roo_load.core.units import Dimension, parse_quantity
from pytest_roo_load.errors import UsageError

__all__ = ["Length", "Reach", "check_reach", "length_of", "share_of", "way_of"]

Length = str | float | None
_DIRECTIONS = ("upstream", "downstream", "both")


class Reach(TypedDict, total=False):
    """What verbs of links may be given besides what is their own.

    Attributes:
        direction: "upstream" (to the server), "downstream" (what it answers) or "both"; default: of connections what
            the verb says, "downstream" for most, and of datagrams "both".
        duration: How long it goes on; default: until it is healed.
        probability: With which each connection has it, live ones and new ones, such as "30 %"; default: all have it.
    """

    direction: str | None
    duration: Length
    probability: str | None


def check_reach(verb: str, reach: Mapping[str, object]) -> None:
    """Nothing, or an error that names what a verb of links may be given.

    Raises:
        UsageError: There is no such argument.
    """
    known = Reach.__annotations__
    for name in reach:
        if name not in known:
            allowed = f"what is its own, and {', '.join(known)}"
            remedy = did_you_mean(name, known)
            raise UsageError(f"{verb} has no such argument", value=name, allowed=allowed, remedy=remedy)


def length_of(reach: Reach) -> float | None:
    """How many seconds it goes on; None until it is healed.

    Raises:
        UsageError: It is no duration, or not above 0.
    """
    length = reach.get("duration")
    return None if length is None else positive(length, "duration")


def way_of(reach: Reach) -> dict[str, float | str]:
    """Direction and probability, as settings of a fault have them; each only where it was given.

    Raises:
        UsageError: There is no such direction, or the probability is none.
    """
    way: dict[str, float | str] = {}
    direction, probability = reach.get("direction"), reach.get("probability")
    if direction is not None:
        if direction not in _DIRECTIONS:
            allowed = ", ".join(_DIRECTIONS)
            raise UsageError("no such direction", value=direction, allowed=allowed, place="argument direction")
        way["direction"] = direction
    if probability is not None:
        way["probability"] = share_of(probability, "probability")
    return way


def share_of(text: str, name: str) -> float:
    """A percentage as a share of 1.

    Raises:
        UsageError: It is none, or not above 0 and up to 100 %.
    """
    allowed = "more than 0 %, up to 100 %"
    if not isinstance(text, str):
        raise UsageError(f"{name} is no percentage", value=text, allowed=f"{allowed}, such as '30 %'")
    try:
        share = parse_quantity(text, Dimension.RATIO)
    except UsageError as error:
        raise error.at(f"argument {name}") from None
    if not 0 < share <= 1:
        raise UsageError(f"{name} is out of range", value=text, allowed=allowed)
    return share
