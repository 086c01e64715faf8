"""What a client wants to hear before it sends its body (RFC 9110, 10.1.1)."""

from __future__ import annotations

from aiohttp import HttpVersion11, web, web_urldispatcher

from pytest_roo_load.ccs.envelope import failure, from_http

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def expectation(request: web.Request) -> web.Response | None:
    """Tell a client that waits for it to go on; answer 417 to whatever else it expects."""
    if request.version < HttpVersion11:
        return None
    if request.headers["Expect"].lower() != "100-continue":
        return failure(from_http(web.HTTPExpectationFailed()))
    await request.writer.write(_CONTINUE)
    request.writer.output_size = 0  # what follows is an answer that nothing has been written of
    return None


def install() -> None:
    """Have it asked for all routes, also for those that do not exist.

    aiohttp's own puts what the client expects into its answer, and ends with a 500 when that is no text. It takes
    another one for single routes, but none for requests that match no route.
    """
    web_urldispatcher._default_expect_handler = expectation  # type: ignore[assignment]  # noqa: SLF001
