"""Journeys travel to generators by value: what can travel, and how it is packed."""

from __future__ import annotations

import dis
import functools
import inspect
import io
import sys
from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from pytest_roo_load.engine.packing import dumps, loads
from pytest_roo_load.engine.performance import Journey
from pytest_roo_load.errors import UsageError

__all__ = ["check_journeys", "pack", "unpack"]

_MUTABLE = (list, dict, set, bytearray, deque, io.IOBase)


def check_journeys(journeys: object) -> dict[Journey, float]:
    """Journey → weight, from what a test gave to `run`: one journey, or a mapping to weights.

    Raises:
        UsageError: A journey is no async function of one argument, captures something mutable, or a weight is not
            positive.
    """
    weights: Mapping[Any, Any] = {}
    if isinstance(journeys, Mapping):
        weights = journeys
    elif isinstance(journeys, Hashable):
        weights = {journeys: 1.0}
    if not weights:
        raise UsageError("no journey", value=journeys, allowed="an async function, or {async function: weight}")
    for journey, weight in weights.items():
        _check_function(journey)
        for function in _layers(journey):
            _check_captured(function, journey)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < float("inf"):
            raise UsageError("weight is out of range", value=weight, allowed="a number above 0", place=_place(journey))
    return {journey: float(weight) for journey, weight in weights.items()}


def pack(journeys: Sequence[Journey]) -> bytes:
    """The journeys as bytes. Functions of modules that are not installed travel by value.

    Raises:
        UsageError: Something that a journey captures cannot be pickled.
    """
    try:
        with _by_value({one.__module__ for journey in journeys for one in _layers(journey) if inspect.isfunction(one)}):
            return dumps(tuple(journeys))
    except Exception as error:
        name, place = _culprit(journeys)
        raise UsageError(
            "a journey captures something that cannot travel to a generator",
            value=name,
            allowed="values that can be pickled",
            place=place,
            remedy=f"make it inside the journey ({error})",
        ) from error


def unpack(packed: bytes) -> tuple[Journey, ...]:
    """The journeys that `pack` packed."""
    return tuple(loads(packed))


def _function(journey: Any) -> FunctionType:
    while isinstance(journey, functools.partial):
        journey = journey.func
    return inspect.unwrap(journey)  # type: ignore[no-any-return]


def _layers(journey: Any) -> Iterator[Any]:
    """The journey's function with all that is wrapped around it, from the outside in: decorators and partials."""
    while journey is not None:
        yield journey
        journey = journey.func if isinstance(journey, functools.partial) else getattr(journey, "__wrapped__", None)


def _check_function(journey: object) -> None:
    wanted = "an async function that takes the user: async def journey(user): ..."
    if not callable(journey) or not inspect.isfunction(_function(journey)):
        raise UsageError("not a journey", value=journey, allowed=wanted)
    if not inspect.iscoroutinefunction(_function(journey)):
        raise UsageError("a journey is not async", value=_name(journey), allowed=wanted, place=_place(journey))
    try:
        inspect.signature(journey).bind(None)
    except (TypeError, ValueError) as error:
        raise UsageError(
            "a journey takes the user and nothing else", value=_name(journey), allowed=wanted, place=_place(journey)
        ) from error


def _check_captured(function: Any, journey: object, seen: frozenset[Any] = frozenset()) -> None:
    for name, value in _captured(function):
        if isinstance(value, _MUTABLE):
            raise UsageError(
                f"a journey captures something mutable ({type(value).__name__})",
                value=name,
                allowed="constants, tuples, functions, classes and modules",
                place=_place(journey),
                remedy="changes to it would be lost: send values back with user.record(), or make it a tuple",
            )
        if isinstance(value, FunctionType) and value.__module__ == function.__module__ and value not in seen:
            _check_captured(value, journey, seen | {function, value})


def _captured(function: Any) -> Iterator[tuple[str, Any]]:
    """Closure cells, bound and default arguments, and module globals that the code, nested code included, loads."""
    if isinstance(function, functools.partial):
        yield from inspect.signature(function.func).bind_partial(*function.args, **function.keywords).arguments.items()
    if not isinstance(function, FunctionType):
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not assigned yet
            yield name, cell.cell_contents
    for name, parameter in inspect.signature(function, follow_wrapped=False).parameters.items():
        if parameter.default is not parameter.empty:
            yield name, parameter.default
    for name in sorted(_loaded_globals(function.__code__)):
        if name in function.__globals__:
            yield name, function.__globals__[name]


def _loaded_globals(code: CodeType) -> set[str]:
    names = {str(one.argval) for one in dis.get_instructions(code) if one.opname in {"LOAD_GLOBAL", "LOAD_NAME"}}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _loaded_globals(constant)
    return names


def _culprit(journeys: Sequence[Journey]) -> tuple[str, str]:
    """The name and place of the first captured value that cannot be pickled."""
    for journey in journeys:
        for name, value in (pair for function in _layers(journey) for pair in _captured(function)):
            try:
                dumps(value)
            except Exception:  # noqa: BLE001 - whichever way it fails, this is the one we look for
                return name, _place(journey)
    return _name(journeys[0]), _place(journeys[0])


@contextmanager
def _by_value(names: set[str]) -> Iterator[None]:
    import cloudpickle  # noqa: PLC0415 - loaded when used

    loose = [module for name in names if (module := sys.modules.get(name)) is not None and not _installed(module)]
    for module in loose:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in loose:
            cloudpickle.unregister_pickle_by_value(module)


def _installed(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None) or ""
    return module.__name__.split(".")[0] == "pytest_roo_load" or "site-packages" in Path(file).parts


def _name(journey: object) -> str:
    return str(getattr(_function(journey), "__qualname__", journey))


def _place(journey: object) -> str:
    code = _function(journey).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
