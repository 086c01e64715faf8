"""The links that there are, and the verbs that break them. Loaded by the keeper too, which starts light."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BOTH_WAYS", "DOWN", "LINKS", "LINKS_SERVICE", "LINK_VERBS"]

LINKS = ("ccs", "postgres", "redis")
LINKS_SERVICE = "links"  # whose process is the proxy
DOWN = "cut"
LINK_VERBS: Mapping[str, str] = {  # verb -> toxic of the proxy
    "slow": "latency",
    "throttle": "bandwidth",
    "lose": "loss",
    "stall": "timeout",
    "partition": "partition",
    "reset": "reset",
    "close_slowly": "slow_close",
    "close_after": "limit_data",
    "slice": "slicer",
    "corrupt": "corruption",
    DOWN: "",
}
BOTH_WAYS = frozenset(
    {"stall", "partition", "close_slowly", "slice", DOWN}
)  # unless a direction is given; else answers
