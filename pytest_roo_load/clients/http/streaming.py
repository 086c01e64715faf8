"""An answer whose body is read while it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from pytest_roo_load.clients.http.coding import Decoder, decoder_of
from pytest_roo_load.clients.http.response import joined
from pytest_roo_load.clients.http.transport import Stream
from pytest_roo_load.errors import OperationError, ProtocolError, UnexpectedAnswer

__all__ = ["StreamedResponse"]


class StreamedResponse:
    """Status and headers, and the body piece by piece: `async for chunk in answer`.

    Attributes:
        status: The status code.
        raw_headers: (name, value) pairs in order, as they came.
        received_bytes: How much of the body has been read, before decoding.
        failure: Why the rest of the body will not come, or was not wanted; None while nothing is wrong.
    """

    __slots__ = ("_decoder", "_stream", "failure", "raw_headers", "received_bytes", "status")

    def __init__(self, stream: Stream, *, decoding: bool) -> None:
        self._stream = stream
        self.status = stream.status
        self.raw_headers = stream.raw_headers
        self.received_bytes = 0
        self.failure: OperationError | None = None
        self._decoder: Decoder | None = decoder_of(stream.raw_headers) if decoding else None

    def __repr__(self) -> str:
        return f"<StreamedResponse {self.status}, {self.received_bytes} bytes read>"

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400  # noqa: PLR2004 - RFC 9110, 15: 4xx and 5xx are errors

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers by lower-case name; values of a repeated name are joined with ", " (RFC 9110, 5.3)."""
        return joined(self.raw_headers)

    def raise_for_status(self) -> StreamedResponse:
        """This answer, when its status is below 400; call it before the body is read.

        Raises:
            UnexpectedAnswer: It is not; its kind is "status 503" or the like, and so the request has failed.
        """
        if self.ok:
            return self
        kind = f"status {self.status}"
        self.failure = UnexpectedAnswer(kind, kind=kind)
        raise self.failure

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while raw := await self._stream.read():
                self.received_bytes += len(raw)
                if self._decoder is None:
                    yield raw
                    continue
                for piece in self._decoded(self._decoder, raw):
                    yield piece
            if self._decoder is not None and self.received_bytes and not self._decoder.finished:
                raise ProtocolError("the coded body ends too early", kind="coding")
        except OperationError as error:
            self.failure = error
            raise

    def _decoded(self, decoder: Decoder, raw: bytes) -> list[bytes]:
        try:
            return [piece for piece in decoder.feed(raw) if piece]
        except Exception as error:  # every package has errors of its own
            raise ProtocolError(f"the body cannot be decoded: {error}", kind="coding") from error
