"""Compression of messages (permessage-deflate, RFC 7692)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

__all__ = ["OFFER", "Agreement", "Deflate"]

OFFER = "permessage-deflate; client_max_window_bits"
_TAIL = b"\x00\x00\xff\xff"
_LEAST_BITS, _MOST_BITS = 8, 15
_WITH_BITS = ("client_max_window_bits", "server_max_window_bits")
_WITHOUT_VALUE = ("client_no_context_takeover", "server_no_context_takeover")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What a server has agreed to.

    Attributes:
        client_bits: Size of the window that the client compresses with.
        server_bits: The same for the server.
        client_resets: Whether the client begins every message with an empty window.
        server_resets: The same for the server.
    """

    client_bits: int = _MOST_BITS
    server_bits: int = _MOST_BITS
    client_resets: bool = False
    server_resets: bool = False

    @classmethod
    def of(cls, header: str) -> Agreement | None:
        """What the header Sec-WebSocket-Extensions of an answer agrees to; None when it is empty.

        Raises:
            ValueError: It agrees to what `OFFER` does not offer.
        """
        if not header.strip():
            return None
        name, *parameters = (part.strip() for part in header.split(";"))
        given = {key.strip(): value.strip(' "') for key, _, value in (one.partition("=") for one in parameters)}
        if name != "permessage-deflate" or set(given) - {*_WITH_BITS, *_WITHOUT_VALUE} or len(given) < len(parameters):
            raise ValueError(f"the server chose the extension {header!r}, which was not offered")
        bits = [given.get(key, str(_MOST_BITS)) for key in _WITH_BITS]
        if any(not one.isdecimal() or not _LEAST_BITS <= int(one) <= _MOST_BITS for one in bits):
            raise ValueError(f"the server chose a window that does not exist: {header!r}")
        return cls(
            client_bits=int(bits[0]),
            server_bits=int(bits[1]),
            client_resets=_WITHOUT_VALUE[0] in given,
            server_resets=_WITHOUT_VALUE[1] in given,
        )


class Deflate:
    """Compresses and decompresses the messages of one connection.

    Args:
        agreement: What was agreed in the handshake.
        most_bytes: The longest message that is decompressed.
    """

    def __init__(self, agreement: Agreement, most_bytes: int) -> None:
        self._agreement = agreement
        self._most_bytes = most_bytes
        self._out: Any = None
        self._in: Any = None

    def __repr__(self) -> str:
        return f"<Deflate with {self._agreement}>"

    def compress(self, message: bytes) -> bytes:
        """A message as it goes over the wire."""
        if self._out is None or self._agreement.client_resets:
            # zlib cannot make raw streams with a window of 8 bits; one of 9 is within what 8 promises only by luck
            self._out = zlib.compressobj(wbits=-max(9, self._agreement.client_bits))
        data: bytes = self._out.compress(message) + self._out.flush(zlib.Z_SYNC_FLUSH)
        return data.removesuffix(_TAIL)

    def decompress(self, data: bytes) -> bytes:
        """The message that came over the wire.

        Raises:
            ValueError: It cannot be decompressed, or only to more than the limit.
        """
        if self._in is None or self._agreement.server_resets:
            self._in = zlib.decompressobj(-self._agreement.server_bits)
        try:
            message: bytes = self._in.decompress(data + _TAIL, self._most_bytes + 1)
        except zlib.error as error:
            raise ValueError(f"a message cannot be decompressed: {error}") from error
        if len(message) > self._most_bytes:
            raise ValueError(f"a message decompresses to more than {self._most_bytes:,} bytes")
        return message
