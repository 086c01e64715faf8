"""The least of a run that charts are made of: one second of warm-up, then the steady phase."""

from typing import Any

JSON = dict[str, Any]


def run_of(
    *, objectives: list[JSON] | None = None, statistics: JSON | None = None, end: int | None = None, **timeline: Any
) -> JSON:
    """A run with these columns of its timeline; `end` is where its steady phase ends."""
    resources = timeline.pop("resources", {})
    columns = [*timeline.values(), *(values for use in resources.values() for values in use.values()), [0, 0, 0]]
    seconds = len(columns[0])
    return {
        "objectives": objectives or [],
        "spans": {"warm_up": [0, 1], "steady": [1, seconds if end is None else end]},
        "phases": [{"name": "steady", "statistics": statistics}] if statistics else [],
        "timeline": {
            "t": list(range(seconds)),
            "phase": ["warm_up"] + ["steady"] * (seconds - 1),
            "resources": resources,
            **timeline,
        },
    }
