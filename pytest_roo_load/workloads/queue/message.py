"""A message: who sent it, its number, when it was put, and padding."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["HEADER", "Message", "decode", "encode"]

_LAYOUT = struct.Struct("!4sIQdB")
_MAGIC = b"roo1"
HEADER = _LAYOUT.size


@dataclass(frozen=True, slots=True)
class Message:
    """What is known of a message.

    Attributes:
        producer: Number of who sent it.
        number: 0, 1, 2 ... of this producer.
        put: When it was put, or meant to be, on the machine's monotonic clock.
        poison: Whether whoever takes it fails.
    """

    producer: int
    number: int
    put: float
    poison: bool = False


def encode(message: Message, size: int) -> bytes:
    """The message in `size` bytes, or in as few as it needs."""
    head = _LAYOUT.pack(_MAGIC, message.producer, message.number, message.put, message.poison)
    return head.ljust(size, b".")


def decode(body: bytes) -> Message | None:
    """The message in a body; None when it is none of ours."""
    if len(body) < HEADER:
        return None
    magic, producer, number, put, poison = _LAYOUT.unpack_from(body)
    return Message(producer, number, put, bool(poison)) if magic == _MAGIC else None
