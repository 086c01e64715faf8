"""WebSocket frames on the wire (RFC 6455, 5), as a server reads and writes them. No I/O."""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha1

from pytest_roo_load.ccs.errors import CcsError

try:  # no public name, but in C; it may move in any version of aiohttp
    from aiohttp._websocket.helpers import websocket_mask
except ImportError:  # pragma: no cover - with versions of aiohttp that are not there yet
    websocket_mask = None  # type: ignore[assignment]

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
# A message that was too large: its bytes have been dropped.
TOO_BIG = -1
Message = tuple[int, bytes]

_CONTINUATION = 0
_KNOWN = frozenset({_CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_FIN, _RESERVED, _MASKED, _OPCODE, _LENGTH = 0x80, 0x70, 0x80, 0x0F, 0x7F
_TWO_BYTES, _SMALL = 126, 125
_PROTOCOL_ERROR, _NOT_GIVEN = 1002, 1005
_MAX_REASON = 123
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_KEY_BYTES = 16
_HEAD_16, _HEAD_64 = struct.Struct("!BBH").pack, struct.Struct("!BBQ").pack


class WireError(CcsError):
    """Bytes that are no WebSocket; ``code`` is what the connection is closed with."""

    def __init__(self, reason: str) -> None:
        self.code = _PROTOCOL_ERROR
        self.reason = reason
        super().__init__(reason)


class MessageReader:
    """Turns what a client sends into messages of at most ``limit`` bytes, however it was cut."""

    __slots__ = ("_fragments", "_kind", "_limit", "_need", "_partial", "_skip")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._partial: bytearray | None = None  # a frame that is not complete; it will be with ``_need`` bytes
        self._need = 0
        self._skip = 0  # bytes of a frame that is too large
        self._kind = 0
        self._fragments: bytearray | None = None

    def __repr__(self) -> str:
        return f"<MessageReader {len(self._partial or b'')} bytes of a frame>"

    def text(self, data: bytes) -> bytes | None:
        """Return the one text that ``data`` is, whole and below 64 KiB, as it nearly always is; None: `feed` it.

        That would do it too, and take longer.
        """
        if len(data) < 6 or self._partial is not None or self._fragments is not None or self._skip:  # noqa: PLR2004
            return None
        second = data[1] - _MASKED
        body, length = (8, data[2] << 8 | data[3]) if second == _TWO_BYTES else (6, second)
        if data[0] == _FIN | TEXT and 0 <= second <= _TWO_BYTES and body + length == len(data) <= self._limit + body:
            return _unmasked(data[body - 4 : body], data[body:])
        return None

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that ``data`` completes, control frames among them, in order.

        Raises:
            WireError: the client breaks the protocol.
        """
        if self._skip:
            dropped = min(self._skip, len(data))
            self._skip -= dropped
            data = data[dropped:]
        if self._partial is not None:
            self._partial += data
            if len(self._partial) < self._need:
                return []
            data, self._partial = bytes(self._partial), None
        return self._frames(data)

    def _frames(self, data: bytes) -> list[Message]:
        found: list[Message] = []
        start, end = 0, len(data)
        while start < end:
            body, length = _head(data, start, end)
            if length > self._limit:
                found.append((TOO_BIG, b""))
                self._fragments = None
                self._skip = max(0, length - (end - body))
                start = body + length
                continue
            stop = body + length
            if stop > end:
                self._partial, self._need = bytearray(data[start:]), stop - start
                break
            payload = _unmasked(data[body - 4 : body], data[body:stop])
            first = data[start]
            start = stop
            if first == _FIN | TEXT and self._fragments is None:
                found.append((TEXT, payload))
            else:
                self._assemble(first, payload, found)
        return found

    def _assemble(self, first: int, payload: bytes, found: list[Message]) -> None:
        opcode, last = first & _OPCODE, first & _FIN
        if opcode >= CLOSE:
            found.append((opcode, payload))
            return
        if (opcode == _CONTINUATION) != (self._fragments is not None):
            raise WireError("A continuation is missing, or continues nothing")
        if self._fragments is None:
            self._kind, self._fragments = opcode, bytearray()
        self._fragments += payload
        if len(self._fragments) > self._limit:
            self._fragments = None if last else bytearray()
            found.append((TOO_BIG, b""))
        elif last:
            found.append((self._kind, bytes(self._fragments)))
            self._fragments = None


def _head(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return where the payload of the frame at ``start`` begins, and its length; 0 as long as that is not known.

    Raises:
        WireError: reserved bits, an unknown opcode, no mask, or a control frame that is large or in parts.
    """
    first = data[start]
    opcode = first & _OPCODE
    if first & _RESERVED or opcode not in _KNOWN:
        raise WireError("Reserved bits or an unknown opcode")
    if end - start < 2:  # noqa: PLR2004 - both bytes of the head
        return start + 6, 0
    second = data[start + 1]
    if not second & _MASKED:
        raise WireError("A client must mask its frames")
    length = second & _LENGTH
    if opcode >= CLOSE and (length > _SMALL or not first & _FIN):
        raise WireError("A control frame is large or in parts")
    if length < _TWO_BYTES:
        return start + 6, length
    size = 2 if length == _TWO_BYTES else 8
    body = start + 6 + size
    return body, int.from_bytes(data[start + 2 : start + 2 + size]) if body <= end else 0


def _unmasked(mask: bytes, payload: bytes) -> bytes:
    if websocket_mask is None:  # pragma: no cover
        return by_numbers(mask, payload)
    plain = bytearray(payload)
    websocket_mask(mask, plain)
    return bytes(plain)


def by_numbers(mask: bytes, payload: bytes) -> bytes:
    """Return the payload without its mask, in Python: twice as slow where texts are short, and far more so beyond."""
    length = len(payload)
    key = (mask * (length // len(mask) + 1))[:length]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(length, "little")


def framed(kind: int, payload: bytes) -> bytes:
    """Return a message as a server sends it, in one frame."""
    return _head_of(kind, len(payload)) + payload


def _head_of(kind: int, length: int) -> bytes:
    if length < _TWO_BYTES:
        return bytes((_FIN | kind, length))
    if length < 2**16:
        return _HEAD_16(_FIN | kind, _TWO_BYTES, length)
    return _HEAD_64(_FIN | kind, _TWO_BYTES + 1, length)


@lru_cache(maxsize=1024)
def text_head(length: int) -> bytes:
    """Return what precedes a text of so many bytes."""
    return _head_of(TEXT, length)


def closing(code: int, reason: str) -> bytes:
    """Return the frame that closes a connection; 1005, no code was given, has no code either."""
    if code == _NOT_GIVEN:
        return framed(CLOSE, b"")
    return framed(CLOSE, code.to_bytes(2) + reason.encode()[:_MAX_REASON])


def close_code(payload: bytes) -> int:
    """Return the code that answers a client's close frame: its own, 1005 when it gives none, 1002 for a wrong one."""
    if not payload:
        return _NOT_GIVEN
    code = int.from_bytes(payload[:2])
    return code if code in _CLOSE_CODES and len(payload) >= 2 else _PROTOCOL_ERROR  # noqa: PLR2004 - the code's bytes


def accepted_key(headers: Mapping[str, str]) -> str | None:
    """Return ``Sec-WebSocket-Accept`` for the headers of an opening handshake; None when they are not one."""
    tokens = {token.strip().lower() for token in headers.get("Connection", "").split(",")}
    if headers.get("Upgrade", "").strip().lower() != "websocket" or "upgrade" not in tokens:
        return None
    key = headers.get("Sec-WebSocket-Key", "").strip()
    if headers.get("Sec-WebSocket-Version") != "13" or not _is_key(key):
        return None
    return b64encode(sha1(key.encode() + _GUID).digest()).decode()  # noqa: S324 - RFC 6455 wants it; it proves nothing


def _is_key(text: str) -> bool:
    try:
        return len(b64decode(text, validate=True)) == _KEY_BYTES
    except (NotBase64, ValueError):
        return False
