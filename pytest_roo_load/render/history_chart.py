"""Draws operations over time, a row for each client, as SVG."""

from __future__ import annotations

from markupsafe import Markup

from pytest_roo_load.render import figures
from pytest_roo_load.render.frame import WIDTH, width_of
from pytest_roo_load.render.promises import Bar, History
from pytest_roo_load.render.svg import element, text

__all__ = ["draw_history"]

_ROW, _BAR, _TOP = 34.0, 10.0, 18.0
_LONGEST = 24  # letters of a client's name
_LEAST = 3.0  # an operation is seen, however short it was


def draw_history(history: History, identity: str) -> Markup:
    """The history as an SVG element; `identity` makes its ids unique in the document."""
    height = _TOP + _ROW * len(history.clients) + 18
    attributes: dict[str, str | float] = {
        "class": "chart history",
        "viewBox": f"0 0 {WIDTH:g} {height:g}",
        "role": "img",
        "aria-labelledby": f"{identity}-title",
    }
    head = text("title", {"id": f"{identity}-title"}, history.description)
    return element("svg", attributes, head, *_rows(history), *_bars(history), *_axis(history, height))


def _rows(history: History) -> list[Markup]:
    return [text("text", {"x": 2, "y": _TOP + row * _ROW + _BAR}, name) for row, name in enumerate(_names(history))]


def _names(history: History) -> list[str]:
    return [f"client {client}"[:_LONGEST] for client in history.clients]


def _left(history: History) -> float:
    """Where time begins: right of the clients' names."""
    return 8.0 + max(map(width_of, _names(history)))


def _bars(history: History) -> list[Markup]:
    left, scale = _left(history), _scale(history)
    free = [0.0] * (2 * len(history.clients))
    return [part for bar in history.bars for part in _bar(bar, (left, scale), free)]


def _bar(bar: Bar, axis: tuple[float, float], free: list[float]) -> list[Markup]:
    """The bar, and its label in the first of two lines below it that has room."""
    origin, scale = axis
    left, width = origin + bar.began_s * scale, max((bar.ended_s - bar.began_s) * scale, _LEAST)
    top = _TOP + bar.row * _ROW
    kind = "bars" if bar.outcome == "ok" else "bars doubtful"
    drawn = [element("rect", {"class": kind, "x": left, "y": top, "width": width, "height": _BAR, "rx": 2})]
    room = width_of(bar.label)
    start = min(left, WIDTH - room)
    for line in (0, 1):
        if free[2 * bar.row + line] <= start:
            free[2 * bar.row + line] = start + room + 4
            drawn.append(text("text", {"x": start, "y": top + _BAR + 9 + line * 10}, bar.label))
            break
    return drawn


def _axis(history: History, height: float) -> list[Markup]:
    left, last = _left(history), max(bar.ended_s for bar in history.bars)
    return [
        element("line", {"class": "axis", "x1": left, "x2": WIDTH, "y1": height - 14, "y2": height - 14}),
        text("text", {"class": "quiet", "x": left, "y": height - 3}, "0"),
        text("text", {"class": "end quiet", "x": WIDTH, "y": height - 3}, figures.time(last)),
    ]


def _scale(history: History) -> float:
    return (WIDTH - _left(history)) / max(1e-9, *(bar.ended_s for bar in history.bars))
