"""Tells whether two functions do the same, in this process or in another one of the same run."""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

__all__ = ["fingerprint"]

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def fingerprint(value: Any) -> str:
    """Equal for two functions of the same code that hold the same values: captured ones, defaults, partial arguments.

    What cannot be compared, as an object with a state of its own, makes it unlike any other. Globals are not looked at.
    """
    digest = hashlib.sha256()
    for part in _parts(value, set()):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _parts(value: Any, seen: set[int]) -> Iterator[str]:
    if isinstance(value, _PLAIN):
        yield f"{type(value).__name__} {value!r}"
    elif id(value) in seen:
        yield "again"
    elif isinstance(value, type | ModuleType):
        yield f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', value.__name__)}"
    else:
        yield type(value).__qualname__
        inside = _inside(value)
        if inside is None:
            yield secrets.token_hex()
            return
        for one in inside:
            yield from _parts(one, seen | {id(value)})


def _inside(value: Any) -> list[Any] | None:
    """What makes up a value; None where nobody knows."""
    for kinds, parts in _INSIDE:
        if isinstance(value, kinds):
            return parts(value)
    if is_dataclass(value):
        return [getattr(value, field.name) for field in fields(value)]
    return None


def _of_function(value: FunctionType) -> list[Any]:
    cells = [_held(cell) for cell in value.__closure__ or ()]
    return [value.__module__, value.__qualname__, value.__code__, cells, value.__defaults__, value.__kwdefaults__]


def _held(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return "nothing yet"


_INSIDE: tuple[tuple[Any, Callable[[Any], list[Any]]], ...] = (
    (FunctionType, _of_function),
    (CodeType, lambda code: [code.co_code, code.co_names, code.co_consts]),
    (MethodType, lambda method: [method.__func__, method.__self__]),
    (functools.partial, lambda call: [call.func, call.args, call.keywords]),
    (Mapping, lambda mapping: [*mapping.items()]),
    ((set, frozenset), lambda members: sorted(members, key=repr)),
    ((list, tuple), list),
    (Enum, lambda member: [member.name]),
)
