"""Content codings (RFC 9110, 8.4.1): what can be decoded here, and decoding within a limit."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from pytest_roo_load.clients.http.response import RawHeaders, joined
from pytest_roo_load.errors import ProtocolError

__all__ = ["Decoder", "accepted_codings", "decoded", "decoder_of"]

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_PIECE = 256 * 2**10
_PACKAGES = {"br": "brotli", "zstd": "zstandard"}


class Decoder(Protocol):
    """Decodes one body piece by piece."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes decode to, in pieces of 256 KiB or a little more."""

    @property
    def finished(self) -> bool:
        """Whether the end of the coded data was seen."""


class _Zlib:
    """gzip and deflate; what servers send as deflate has a zlib header, or by mistake none."""

    def __init__(self, window: int) -> None:
        self._engine = zlib.decompressobj(window)
        self._bare_allowed = window == zlib.MAX_WBITS

    def feed(self, data: bytes) -> Iterator[bytes]:
        more = bool(data)
        while more:
            if self._engine.eof:
                self._engine = zlib.decompressobj(_GZIP_WINDOW)  # gzip files may be put one after another
            piece = self._decompress(data)
            data = self._engine.unconsumed_tail or self._engine.unused_data
            more = bool(data) or (len(piece) == _PIECE and not self._engine.eof)
            yield piece

    def _decompress(self, data: bytes) -> bytes:
        try:
            piece = self._engine.decompress(data, _PIECE)
        except zlib.error:
            if not self._bare_allowed:
                raise
            self._engine = zlib.decompressobj(-zlib.MAX_WBITS)
            piece = self._engine.decompress(data, _PIECE)
        self._bare_allowed = False
        return piece

    @property
    def finished(self) -> bool:
        return self._engine.eof


class _Brotli:
    def __init__(self) -> None:
        self._engine: Any = importlib.import_module("brotli").Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield self._engine.process(data, output_buffer_limit=_PIECE)
        while not self._engine.can_accept_more_data():
            yield self._engine.process(b"", output_buffer_limit=_PIECE)

    @property
    def finished(self) -> bool:
        return bool(self._engine.is_finished())


class _Zstandard:
    """The package knows no limit, so it is given little at a time: a step makes 32 MiB at the very most."""

    def __init__(self) -> None:
        self._engine: Any = importlib.import_module("zstandard").ZstdDecompressor().decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_STEP):
            yield self._engine.decompress(data[start : start + _ZSTD_STEP])

    @property
    def finished(self) -> bool:
        return bool(self._engine.eof)


_ZSTD_STEP = 1024
_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: _Zlib(_GZIP_WINDOW),
    "x-gzip": lambda: _Zlib(_GZIP_WINDOW),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": _Brotli,
    "zstd": _Zstandard,
}


def accepted_codings() -> str:
    """The value of Accept-Encoding: what can be decoded with the packages that are installed."""
    return ", ".join(["gzip", "deflate", *(coding for coding, package in _PACKAGES.items() if _is_there(package))])


def _is_there(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def decoder_of(raw_headers: RawHeaders) -> Decoder | None:
    """The decoder that an answer with these headers needs; None when it is not coded.

    Raises:
        ProtocolError: Of kind "coding": it is coded in a way that cannot be decoded here.
    """
    coding = joined(raw_headers).get("content-encoding", "identity").strip().lower()
    if coding in {"identity", ""}:
        return None
    if coding not in _DECODERS:
        raise ProtocolError(f"the answer has the content coding {coding!r}, which nobody asked for", kind="coding")
    try:
        return _DECODERS[coding]()
    except ImportError:
        package = _PACKAGES[coding]
        raise ProtocolError(
            f"the answer has the content coding {coding!r}; install the package {package} to decode it", kind="coding"
        ) from None


def decoded(decoder: Decoder, body: bytes, limit: int) -> bytes:
    """A whole body decoded.

    Raises:
        ProtocolError: Of kind "coding": it cannot be decoded, or ends too early; of kind "too large": it decodes to
            more than the limit.
    """
    pieces, room = [], limit
    try:
        for piece in decoder.feed(body):
            room -= len(piece)
            if room < 0:
                break
            pieces.append(piece)
    except Exception as error:  # every package has errors of its own
        raise ProtocolError(f"the body cannot be decoded: {error}", kind="coding") from error
    if room < 0:
        raise ProtocolError(f"the body decodes to more than {limit:,} bytes", kind="too large")
    if body and not decoder.finished:
        raise ProtocolError("the coded body ends too early", kind="coding")
    return b"".join(pieces)
