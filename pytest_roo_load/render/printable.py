"""Text from outside, made safe to look at."""

from __future__ import annotations

import re

__all__ = ["printable", "shortened"]

# Control characters, halves of surrogate pairs, and the characters that reorder the text around them.
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text with every character that cannot be shown, or that would disguise others, replaced by U+FFFD."""
    return _UNSAFE.sub("\ufffd", text)


def shortened(text: str, length: int) -> str:
    """The text, cut to `length` characters with an ellipsis as the last."""
    return text if len(text) <= length else text[: length - 1] + "…"
