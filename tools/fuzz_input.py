"""Input for a CCS that is odd or broken, drawn from random numbers."""

from __future__ import annotations

import json
import random
import struct
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

__all__ = ["Fuzzer", "Known", "masked"]

_WORDS = (
    "", "a", "id", "email", "content", "operations", "op", "create", "type", "custom", "priority", "payload", "config",
    "target_device_ids", "path", "hash", "size", "base_hash", "participants", "user_id", "role", "viewer", "title",
    "\0", "\ud800", "\u202e", "é" * 300, "x" * 5000, "'; DROP TABLE users; --", "../../etc/passwd", "%00", "1e999",
)  # fmt: skip
_NUMBERS = (0, -1, 1, 4, 5, 2**31, 2**63, -(2**63), 10**30, 0.5, -0.0, 1e308)
_QUERIES = ("limit", "offset", "q", "since", "until", "status", "search", "workspace")
_HEADERS = (
    "Content-Type", "Content-Length", "Transfer-Encoding", "Expect", "Content-Encoding", "Accept-Encoding", "Range",
    "If-None-Match", "X-Device-ID", "X-Request-ID", "X-Session-ID", "X-Forwarded-For", "Upgrade", "Connection", "Host",
)  # fmt: skip
_VALUES = (
    "application/json", "multipart/form-data; boundary=x", "text/plain", "chunked", "gzip", "deflate", "100-continue",
    "99999999999999999999", "bytes=0-", "bytes=9-1", "bytes=-0", "*", "websocket", "close", "a b", "\x80\xff", "-1",
)  # fmt: skip
_FRAMES = (
    "user_message", "typing", "presence", "task_status", "ack", "device_handoff", "file_sync", "heartbeat",
    "device_register", "nonsense",
)  # fmt: skip
_OPCODES = (1, 1, 1, 1, 1, 1, 2, 9, 10, 0, 3, 8)
_DEEPEST = 4
_SHORT, _MIDDLE = 126, 2**16  # lengths of RFC 6455, 5.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a user of the server knows: enough to get past the door."""

    routes: tuple[tuple[str, str], ...]
    token: str
    user_id: str
    device_id: str
    ids: tuple[str, ...]


class Fuzzer:
    """Makes input; the same for the same random numbers."""

    def __init__(self, draw: random.Random, known: Known) -> None:
        self._draw = draw
        self._known = known
        self._texts = (*_WORDS, *known.ids)

    def __repr__(self) -> str:
        return f"<Fuzzer of {len(self._known.routes)} routes>"

    def value(self, depth: int = 0) -> Any:
        """Any JSON value."""
        plain = (self._constant, self._number, self._text, self._text, self._letters)
        deep = (self._list, self._mapping, self._mapping) if depth < _DEEPEST else ()
        make = self._draw.choice((*plain, *deep))
        return make(depth + 1)

    def body(self) -> bytes:
        """JSON, or nearly."""
        text = json.dumps(self.value()).encode("utf-8", "surrogatepass")
        return self.broken(text) if self._chance(0.3) else text

    def request(self) -> bytes:
        """A request to a route, odd in one way or another."""
        method, path = self._draw.choice(self._known.routes)
        for name in ("{id}", "{number}"):
            path = path.replace(name, _quoted(self._draw.choice((*self._texts, "0", "1"))))
        words = (*_WORDS, *map(str, _NUMBERS))
        query = [f"{self._draw.choice(_QUERIES)}={_quoted(self._draw.choice(words))}" for _ in range(self._few(3))]
        body = self.body()
        headers = {"Host": "fuzz", "Content-Type": "application/json", "Content-Length": str(len(body))}
        if self._chance(0.9):
            headers["Authorization"] = f"Bearer {self._known.token}"
        if self._chance(0.3):
            headers[self._draw.choice(_HEADERS)] = self._draw.choice(_VALUES)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {path}?{'&'.join(query)} HTTP/1.1\r\n{lines}\r\n".encode("latin-1", "replace") + body

    def frame(self) -> bytes:
        """A WebSocket frame: most of the time a text that is nearly one of the protocol."""
        if self._chance(0.1):
            return self._draw.randbytes(self._few(40))
        frame = {
            "id": str(uuid.UUID(int=self._draw.getrandbits(128))),
            "type": self._draw.choice(_FRAMES),
            "fromDeviceId": self._known.device_id,
            "userId": self._known.user_id,
            "payload": self.value(),
            "priority": 1,
        }
        for _ in range(self._few(3)):
            frame[self._draw.choice((*frame, "toDeviceId", "requiresAck", "retryCount"))] = self.value()
        text = json.dumps(frame).encode("utf-8", "surrogatepass")
        return masked(self.broken(text) if self._chance(0.3) else text, self._draw.choice(_OPCODES))

    def broken(self, data: bytes) -> bytes:
        """The same with some bytes changed, cut or put in."""
        found = bytearray(data)
        for _ in range(1 + self._few(5)):
            at = self._few(len(found) + 1)
            match self._few(3):
                case 0:
                    found[at:at] = self._draw.randbytes(1 + self._few(4))
                case 1:
                    del found[at : at + 1 + self._few(8)]
                case _:
                    found[at : at + 1] = self._draw.randbytes(1)
        return bytes(found)

    def _chance(self, share: float) -> bool:
        return self._draw.random() < share

    def _few(self, below: int) -> int:
        return self._draw.randrange(below)

    def _constant(self, _depth: int) -> Any:
        return self._draw.choice((None, True, False))

    def _number(self, _depth: int) -> Any:
        return self._draw.choice(_NUMBERS)

    def _text(self, _depth: int) -> Any:
        return self._draw.choice(self._texts)

    def _letters(self, _depth: int) -> Any:
        return "".join(chr(self._few(0x110000)) for _ in range(self._few(6)))

    def _list(self, depth: int) -> Any:
        return [self.value(depth) for _ in range(self._few(4))]

    def _mapping(self, depth: int) -> Any:
        return {self._draw.choice(_WORDS): self.value(depth) for _ in range(self._few(6))}


def masked(payload: bytes, opcode: int) -> bytes:
    """A final frame from a client (RFC 6455, 5.2), its mask all zeros so that the payload stays as it is."""
    length = len(payload)
    if length < _SHORT:
        size = bytes([0x80 | length])
    elif length < _MIDDLE:
        size = bytes([0x80 | _SHORT]) + struct.pack("!H", length)
    else:
        size = b"\xff" + struct.pack("!Q", length)
    return bytes([0x80 | opcode]) + size + bytes(4) + payload


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")
