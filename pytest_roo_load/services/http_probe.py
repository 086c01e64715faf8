"""One GET request, for asking a server whether it is ready."""

from __future__ import annotations

import asyncio

__all__ = ["head_of"]

PROBE_S = 2.0


async def head_of(host: str, port: int, path: str) -> list[str]:
    """The head of the answer: its status line and its header lines in lower case; empty when there is no answer."""
    try:
        async with asyncio.timeout(PROBE_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, EOFError):  # TimeoutError is an OSError
        return []
    return head.decode("latin-1").lower().splitlines()
