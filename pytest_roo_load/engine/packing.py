"""Packs values for another process and back, such that they come home as what they were."""

from __future__ import annotations

import io
import marshal
import pickle
from collections.abc import Callable
from functools import cache
from types import CodeType, FunctionType
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

__all__ = ["dumps", "loads"]

_SPECIAL = (type, FunctionType, CodeType)
_BY_VALUE = 6  # parts that cloudpickle makes of a class that travels by value: how to make it, and how to fill it
# Classes that travel by value have a name in all processes; those that were made in this one are at home here.
_names: WeakKeyDictionary[type, str] = WeakKeyDictionary()
_classes: WeakValueDictionary[str, type] = WeakValueDictionary()
_at_home: WeakSet[type] = WeakSet()


def dumps(value: object) -> bytes:
    """A value by cloudpickle. Functions and classes that the other process cannot import travel by value.

    Raises:
        Exception: It cannot be pickled; which error says so is the value's own business.
    """
    packed = io.BytesIO()
    _pickler()(packed, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return packed.getvalue()


def loads(packed: bytes) -> Any:
    """What `dumps` packed: instances of a class that this process made are instances of that very class again.

    Raises:
        Exception: It cannot be unpickled; which error says so is the value's own business.
    """
    return pickle.loads(packed)  # noqa: S301 - packed by this very run


@cache
def _pickler() -> Callable[..., Any]:
    import cloudpickle  # noqa: PLC0415 - loaded when used

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        """cloudpickle's, but code as it is, for cloudpickle forgets its file, which tracebacks have to tell."""

        def reducer_override(self, one: Any) -> Any:
            """How to make it again; `NotImplemented` for the usual way. See `pickle.Pickler.reducer_override`."""
            kind = type(one)
            if not issubclass(kind, _SPECIAL):  # most are: cloudpickle would say the same, but later
                return NotImplemented
            if kind is CodeType:
                return marshal.loads, (marshal.dumps(one),)
            reduced = super().reducer_override(one)
            if kind is FunctionType or not isinstance(reduced, tuple) or len(reduced) < _BY_VALUE:
                return reduced
            make, arguments, state, *nothing, fill = reduced
            return _class, (_name_of(one), make, arguments), (fill, state), *nothing, _fill

    return Pickler


def _name_of(one: type) -> str:
    name = _names.get(one)
    if name is None:
        name = _names[one] = uuid4().hex
        _classes[name] = one
        _at_home.add(one)
    return name


def _class(name: str, make: Callable[..., type], arguments: tuple[Any, ...]) -> type:
    """The class of this name, made when this process has not seen it yet."""
    known = _classes.get(name)
    if known is None:
        known = _classes[name] = make(*arguments)
        _names[known] = name
    return known


def _fill(one: type, filling: tuple[Callable[..., Any], Any]) -> None:
    """Give a class its methods and attributes, but not one at home: copies would take the place of its own."""
    fill, state = filling
    if one not in _at_home:
        fill(one, state)
