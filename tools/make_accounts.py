"""Makes accounts at a CCS and prints them as `--roo-accounts` wants them.

    python tools/make_accounts.py http://127.0.0.1:8080 250 > accounts.json

Each account has two devices, so that journeys which talk from one device to another need not log in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import uuid
from typing import Any

import aiohttp

_PASSWORD = "Load-account-1!"  # noqa: S105 - of accounts that are made for load
_DEVICES = ("desktop", "mobile")
_AT_ONCE = 16


async def make_accounts(url: str, number: int) -> list[dict[str, str]]:
    """Entries of the file, two for each account.

    Raises:
        aiohttp.ClientError: The server does not let new users in.
    """
    gate = asyncio.Semaphore(_AT_ONCE)

    async def make(http: aiohttp.ClientSession) -> list[dict[str, str]]:
        async with gate:
            email = f"load-{uuid.uuid4().hex}@example.org"
            await _ask(http, "register", {"email": email, "password": _PASSWORD})
            return [await _device(http, email, kind) for kind in _DEVICES]

    async with aiohttp.ClientSession(url, raise_for_status=True) as http:
        made = await asyncio.gather(*(make(http) for _ in range(number)))
    return [entry for entries in made for entry in entries]


async def _device(http: aiohttp.ClientSession, email: str, kind: str) -> dict[str, str]:
    login = {"email": email, "password": _PASSWORD, "device_name": kind, "device_type": kind}
    data = await _ask(http, "login", login)
    return {
        "user_id": data["user"]["id"],
        "email": email,
        "password": _PASSWORD,
        "device_id": data["device"]["id"],
        "token": data["access_token"],
    }


async def _ask(http: aiohttp.ClientSession, what: str, body: Any) -> Any:
    async with http.post(f"/api/v1/auth/{what}", json=body) as answer:
        return (await answer.json())["data"]


def main() -> None:
    """Print the accounts that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("number", type=int)
    asked = parser.parse_args()
    json.dump(asyncio.run(make_accounts(asked.url, asked.number)), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
