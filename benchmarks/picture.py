"""One column of an outcome as horizontal bars."""

from __future__ import annotations

from html import escape

from benchmarks.outcome import Outcome, shown

__all__ = ["bars"]

_WIDTH, _ROW, _LABEL, _VALUE = 760, 26, 270, 90
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}rect{fill:#8aa4c0}.own{fill:#c2410c}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}}"
)


def bars(outcome: Outcome) -> str:
    """An SVG picture; rows of our own, which are called "pytest-roo-load", stand out."""
    column = outcome.columns.index(outcome.picture)
    rows = [(str(row[0]), row[column]) for row in outcome.rows]
    figures = [(name, float(value)) for name, value in rows if isinstance(value, int | float)]
    most = max(value for _, value in figures)
    height = _ROW * (len(figures) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(outcome.title)}</title><style>{_STYLE}</style>",
        f'<text x="{_LABEL}" y="16">{escape(outcome.picture)}</text>',
        *(_bar(number, name, value, value / most) for number, (name, value) in enumerate(figures, 1)),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _bar(number: int, name: str, value: float, share: float) -> str:
    top, length = number * _ROW, max(1.0, share * (_WIDTH - _LABEL - _VALUE))
    own = ' class="own"' if name.startswith("pytest-roo-load") else ""
    return (
        f'<text x="{_LABEL - 8}" y="{top + 16}" text-anchor="end">{escape(name)}</text>'
        f'<rect{own} x="{_LABEL}" y="{top + 3}" width="{length:.1f}" height="{_ROW - 8}" rx="2"/>'
        f'<text x="{_LABEL + length + 6:.1f}" y="{top + 16}">{shown(value)}</text>'
    )
