"""Sends whatever bytes to a CCS and looks whether it ever answers 5xx or ends.

    python tools/fuzz_ccs.py http://127.0.0.1:8080 --seconds 600 --seed 1

Three kinds of input take turns: requests to real routes with odd paths, queries, headers and bodies; the same with
bytes changed, cut or put in; and WebSockets with odd and broken frames. Everything is drawn from the seed. The exit
status is 1 when anything was found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from fuzz_input import Fuzzer, Known, masked

API = "/api/v1"
PASSWORD = "Fuzzing-1-server!"  # noqa: S105 - of users that exist for this
_ANSWER_S = 0.5  # what is cut off gets no answer, and need not be waited for
_ALIVE_S = 10.0
_AT_ONCE = 16
_SERVER_ERRORS = range(500, 600)


@dataclass(slots=True, kw_only=True)
class Findings:
    """What was sent, what came back, and what should not have."""

    sent: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Attack:
    """Input on its way to one server."""

    def __init__(self, url: str, known: Known, findings: Findings) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname or "", parts.port or 80)
        self._known = known
        self._findings = findings

    async def request(self, data: bytes, kind: str) -> None:
        """Send bytes on a connection of their own; whatever comes back must not be the server's fault."""
        self._findings.sent[kind] += 1
        head = await self._exchange(data)
        status = head.split(b" ", 2)[1:2]
        if not status or not status[0].isdigit():
            self._findings.answers["none"] += 1
            return
        self._findings.answers[f"{status[0][:1].decode()}xx"] += 1
        if int(status[0]) in _SERVER_ERRORS:
            self._findings.problems.append(f"{head[:200]!r} to {data[:2000]!r}")

    async def frames(self, frames: list[bytes]) -> None:
        """Register on a WebSocket and send bytes on it."""
        known = self._known
        self._findings.sent["frames"] += len(frames)
        query = f"deviceId={known.device_id}&userId={known.user_id}&token={known.token}"
        key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        upgrade = f"GET /ws?{query} HTTP/1.1\r\nHost: fuzz\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n"
        payload = {"id": known.device_id, "userId": known.user_id, "type": "desktop", "platform": "x", "version": "1"}
        register = {"id": "r", "type": "device_register", "fromDeviceId": known.device_id, "userId": known.user_id,
                    "payload": payload, "priority": 1}  # fmt: skip
        await self._exchange(
            upgrade.encode() + masked(json.dumps(register).encode(), 1) + b"".join(frames), to_the_end=True
        )

    async def lives(self) -> None:
        """The server must answer as ever."""
        head = await self._exchange(b"GET /health HTTP/1.1\r\nHost: fuzz\r\nConnection: close\r\n\r\n", _ALIVE_S)
        if not head.startswith(b"HTTP/1.1 200"):
            self._findings.problems.append(f"GET /health is answered {head[:100]!r}")

    async def _exchange(self, data: bytes, within_s: float = _ANSWER_S, *, to_the_end: bool = False) -> bytes:
        try:
            reader, writer = await asyncio.open_connection(*self._place)
        except OSError as error:
            self._findings.problems.append(f"nobody listens any more: {error}")
            return b""
        try:
            writer.write(data)
            async with asyncio.timeout(within_s):
                head = await reader.read(4096)
                while to_the_end and await reader.read(4096):
                    pass
                return head
        except (TimeoutError, ConnectionError):
            return b""
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def fuzz(url: str, known: Known, draw: random.Random, *, seconds: float = 0.0, rounds: int = 0) -> Findings:
    """Send input for so long, or so many rounds; what was found."""
    findings, until, done = Findings(), monotonic() + seconds, 0
    attack, fuzzer = Attack(url, known, findings), Fuzzer(draw, known)
    while (monotonic() < until or done < rounds) and not findings.problems:
        done += 1
        odd = [attack.request(fuzzer.request(), "odd requests") for _ in range(_AT_ONCE)]
        broken = [attack.request(fuzzer.broken(fuzzer.request()), "broken requests") for _ in range(_AT_ONCE)]
        noise = [attack.request(draw.randbytes(draw.randrange(200)), "noise") for _ in range(2)]
        frames = [attack.frames([fuzzer.frame() for _ in range(draw.randrange(1, 20))]) for _ in range(4)]
        await asyncio.gather(*odd, *broken, *noise, *frames)
        await attack.lives()
    return findings


@asynccontextmanager
async def acquainted(url: str) -> AsyncIterator[Known]:
    """A user of the server with one thing of each kind."""
    from pytest_roo_load.ccs.routes import all_routes  # noqa: PLC0415 - the server's own packages

    async with aiohttp.ClientSession(base_url=url) as http:
        email = f"{uuid.uuid4().hex}@fuzz.test"
        await _data(http, "/auth/register", {"email": email, "password": PASSWORD})
        login = {"email": email, "password": PASSWORD, "device_name": "fuzz", "device_type": "desktop"}
        data = await _data(http, "/auth/login", login)
        http.headers["Authorization"] = f"Bearer {data['access_token']}"
        conversation = (await _data(http, "/conversations", {"title": "fuzz"}))["conversation"]["id"]
        message = (await _data(http, f"/conversations/{conversation}/messages", {"content": "x"}))["message"]["id"]
        command = (await _data(http, "/commands", {"type": "custom"}))["ids"][0]
        upload = await _data(http, "/files/upload/start", {"filename": "a", "mime_type": "text/plain", "size": 2**21})
        spoilt = ("/auth/logout", "/users/change-password", "/users/batch")
        routes = tuple((r.method, r.path) for r in all_routes() if not r.path.endswith(spoilt))
        ids = (data["device"]["id"], data["user"]["id"], conversation, message, command, upload["session_id"])
        yield Known(
            routes=routes,
            token=data["access_token"],
            user_id=data["user"]["id"],
            device_id=data["device"]["id"],
            ids=(*ids, str(uuid.UUID(int=0))),
        )


async def _data(http: aiohttp.ClientSession, path: str, body: Any) -> Any:
    async with http.post(API + path, json=body) as response:
        response.raise_for_status()
        return (await response.json())["data"]


async def _main(url: str, seconds: float, seed: int) -> Findings:
    async with acquainted(url) as known:
        return await fuzz(url, known, random.Random(seed), seconds=seconds)


def main() -> int:
    """Fuzz as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = monotonic()
    findings = asyncio.run(_main(asked.url, asked.seconds, asked.seed))
    print(f"seed {asked.seed}, {monotonic() - began:.0f} s")
    print("sent:", ", ".join(f"{count:,} {kind}" for kind, count in findings.sent.items()))
    print("answers:", ", ".join(f"{count:,} {kind}" for kind, count in sorted(findings.answers.items())))
    print(*(findings.problems or ["no answer of 5xx, and the server lives"]), sep="\n")
    return bool(findings.problems)


if __name__ == "__main__":
    sys.exit(main())
