"""Mistakes in how this package is used: what can never work, however often it is tried."""

from __future__ import annotations

import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from pytest_roo_load.core.suggestion import did_you_mean
from pytest_roo_load.errors import UsageError

__all__ = ["Shown", "mistake_in"]

_PACKAGE = Path(__file__).parents[1]
_PYTHON = Path(os.__file__).parent
_CALL = re.compile(r"(?P<name>[\w.]+)\(\) (?P<problem>(?:got|missing|takes) .*)", re.DOTALL)
_UNKNOWN = re.compile(r"unexpected keyword argument '(?P<word>\w+)'")


class Shown(str):
    """The text of a value that may not be able to travel."""

    __slots__ = ()

    __repr__ = str.__str__


def mistake_in(error: BaseException, place: str | None = None) -> UsageError | None:
    """The mistake that an exception stands for: a `UsageError`, or a call of ours with arguments that it does not take.

    Args:
        error: What was raised.
        place: Where it was made, when no line outside of this package is in the traceback.

    Returns:
        An error that names the line and can travel to another process; None when the exception is something else.
    """
    if isinstance(error, UsageError):
        found: UsageError | None = error
    else:
        found = _wrong_call(error) if type(error) is TypeError else None
    if found is None:
        return None
    return UsageError(
        found.problem,
        value=Shown(repr(found.value)),
        allowed=found.allowed,
        place=found.place or _line_of(error) or place,
        remedy=found.remedy,
    )


def _wrong_call(error: BaseException) -> UsageError | None:
    """Python raises for such a call before it begins, so that the last frame of the traceback is the caller's."""
    call, caller = _CALL.match(str(error)), _last_frame(error.__traceback__)
    if call is None or caller is None or _is_ours(caller.f_code.co_filename):
        return None
    function = _function(call["name"], caller)
    if function is None:
        return None
    taken = [name for name in inspect.signature(function).parameters if name != "self"]
    unknown = _UNKNOWN.search(call["problem"])
    if unknown is None:
        return UsageError("wrong arguments", value=Shown(error), allowed=", ".join(taken))
    remedy = did_you_mean(unknown["word"], taken)
    name = call["name"].removesuffix(".__init__")
    return UsageError(f"no such argument of {name}()", value=unknown["word"], allowed=", ".join(taken), remedy=remedy)


def _function(name: str, caller: FrameType) -> Callable[..., Any] | None:
    """The function of this package that goes by this qualified name, unless the caller has another one of that name."""
    first, *rest = name.split(".")
    of_that_name = {**caller.f_globals, **caller.f_locals}.get(first)
    for module in [module for key, module in sys.modules.items() if key.startswith("pytest_roo_load.")]:
        found = vars(module).get(first)
        if found is None or of_that_name not in (None, found):
            continue
        function: Callable[..., Any] | None = reduce(lambda one, part: getattr(one, part, None), rest, found)
        if callable(function):
            return function
    return None


def _last_frame(frames: TracebackType | None) -> FrameType | None:
    last = None
    while frames is not None:
        last, frames = frames.tb_frame, frames.tb_next
    return last


def _line_of(error: BaseException) -> str | None:
    """File and line of the last frame that is the user's."""
    theirs = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    return f"{os.path.relpath(theirs[-1].filename)}:{theirs[-1].lineno}" if theirs else None


def _is_theirs(file: str) -> bool:
    return not (_is_ours(file) or Path(file).is_relative_to(_PYTHON) or "site-packages" in Path(file).parts)


def _is_ours(file: str) -> bool:
    return Path(file).is_relative_to(_PACKAGE)
