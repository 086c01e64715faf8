"""The links that there are, and the verbs that break them. Loaded by the keeper too, which starts light."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BOTH_WAYS", "DATAGRAM_VERBS", "DOWN", "LINKS", "LINKS_SERVICE", "LINK_VERBS", "STREAM_VERBS"]

LINKS = ("ccs", "postgres", "redis")  # of the embedded stack; a run may have links of its own besides
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
    "duplicate": "duplicate",
    "reorder": "reorder",
    DOWN: "",
}
DATAGRAM_VERBS = ("slow", "lose", "duplicate", "reorder")  # what can be done to a link of datagrams
STREAM_VERBS = tuple(verb for verb in LINK_VERBS if verb not in ("duplicate", "reorder"))  # to one of connections
BOTH_WAYS = frozenset({"stall", "partition", "close_slowly", "slice", DOWN})  # unless told; others break answers alone
