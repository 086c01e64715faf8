"""What somebody may have meant who wrote a word that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(word: object, known: Iterable[object]) -> str | None:
    """A question that names the known word that is nearest; None when none is near."""
    close = difflib.get_close_matches(str(word), [str(name) for name in known], n=1)
    return f"did you mean {close[0]}?" if close else None
