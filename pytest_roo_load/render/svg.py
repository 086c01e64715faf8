"""SVG elements as text in which everything from outside is escaped."""

from __future__ import annotations

from markupsafe import Markup, escape

from pytest_roo_load.render.printable import printable

__all__ = ["element", "number", "text"]


def number(value: float) -> str:
    """A coordinate with one decimal, without trailing zeros."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, attributes: dict[str, str | float], *children: Markup) -> Markup:
    """An element; numbers among its attributes are coordinates."""
    written = Markup().join(
        Markup(' {}="{}"').format(key, value if isinstance(value, str) else number(value))
        for key, value in attributes.items()
    )
    if not children:
        return Markup("<{}{}/>").format(Markup(name), written)  # noqa: S704 - a literal of our own
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, Markup().join(children))  # noqa: S704


def text(name: str, attributes: dict[str, str | float], content: str) -> Markup:
    """An element that holds text."""
    return element(name, attributes, escape(printable(content)))
