"""Speaks to the control of the chaos proxy."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from pytest_roo_load.errors import FaultError

__all__ = ["ask"]

ANSWER_S = 5.0


async def ask(control: str, method: str, path: str, data: object = None) -> dict[str, Any]:
    """What the control at this URL answers; an empty dict for an answer without a body.

    Raises:
        FaultError: It could not be reached or has refused.
    """
    try:
        async with asyncio.timeout(ANSWER_S):
            status, body = await _exchange(
                control, f"{method} {path}", b"" if data is None else json.dumps(data).encode()
            )
    except (OSError, EOFError, ValueError) as error:
        raise FaultError(f"the proxy could not be asked: {type(error).__name__}: {error}") from error
    answer: dict[str, Any] = json.loads(body) if body else {}
    if not status.startswith("2"):
        raise FaultError(f"the proxy has refused: {answer.get('error', status)}")
    return answer


async def _exchange(control: str, what: str, body: bytes) -> tuple[str, bytes]:
    where = urlsplit(control)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        head = f"{what} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.read(-1)
    finally:
        writer.close()
        await writer.wait_closed()
    header, _, content = answer.partition(b"\r\n\r\n")
    return header.split()[1].decode(), content
