"""The frame of a chart: its rectangle, axes, grid and title, which charts of every kind share."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from pytest_roo_load.render.axes import Axis
from pytest_roo_load.render.svg import element, text

__all__ = ["BOTTOM", "HEIGHT", "LEFT", "LINE_HEIGHT", "RIGHT", "TOP", "WIDTH", "Frame", "document", "width_of"]

WIDTH, HEIGHT = 448.0, 214.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 370.0, 20.0, 172.0
LINE_HEIGHT = 12.0
_CHARACTER = 5.9  # mean width of a character in the font size of charts; over-estimates rather than under-estimates


def width_of(label: str) -> float:
    """About how wide a label is drawn."""
    return len(label) * _CHARACTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Places values of two axes in the drawing."""

    horizontal: Axis
    vertical: Axis

    def x(self, value: float) -> float:
        """Distance from the left, kept inside the plot."""
        return LEFT + (RIGHT - LEFT) * min(max(self.horizontal.scale.share(value), 0.0), 1.0)

    def y(self, value: float) -> float:
        """Distance from the top, kept inside the plot."""
        return BOTTOM - (BOTTOM - TOP) * min(max(self.vertical.scale.share(value), 0.0), 1.0)

    def grid(self) -> list[Markup]:
        """Lines and labels of both axes."""
        return [*self._rows(), *self._columns(), self._caption()]

    def _rows(self) -> list[Markup]:
        drawn = []
        for tick in self.vertical.ticks:
            y = self.y(tick.value)
            drawn.append(element("line", {"class": "grid", "x1": LEFT, "x2": RIGHT, "y1": y, "y2": y}))
            drawn.append(text("text", {"class": "end", "x": LEFT - 6, "y": y + 3.5}, tick.label))
        return drawn

    def _columns(self) -> list[Markup]:
        drawn = [element("line", {"class": "axis", "x1": LEFT, "x2": RIGHT, "y1": BOTTOM, "y2": BOTTOM})]
        free = LEFT - width_of("00")
        for tick in self.horizontal.ticks:
            x, half = self.x(tick.value), width_of(tick.label) / 2
            drawn.append(element("line", {"class": "axis", "x1": x, "x2": x, "y1": BOTTOM, "y2": BOTTOM + 4}))
            if x - half >= free:
                drawn.append(text("text", {"class": "middle", "x": x, "y": BOTTOM + 16}, tick.label))
                free = x + half + 6
        return drawn

    def _caption(self) -> Markup:
        middle = (LEFT + RIGHT) / 2
        return text("text", {"class": "middle quiet", "x": middle, "y": BOTTOM + 33}, self.horizontal.title)


def document(identity: str, heading: tuple[str, str], content: list[Markup]) -> Markup:
    """The SVG element with its title and description, which screen readers read instead of the lines."""
    title, description = heading
    attributes: dict[str, str | float] = {
        "class": "chart",
        "viewBox": f"0 0 {WIDTH:g} {HEIGHT:g}",
        "role": "img",
        "aria-labelledby": f"{identity}-title {identity}-description",
    }
    head = [
        text("title", {"id": f"{identity}-title"}, title),
        text("desc", {"id": f"{identity}-description"}, description),
    ]
    return element("svg", attributes, *head, *content)
