"""Password hashes: bcrypt in threads, because it takes long and releases the interpreter lock."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

Value = TypeVar("Value")
Outcome = TypeVar("Outcome")


class Passwords:
    """Hashes and checks passwords with a bcrypt work factor of ``cost``; the event loop stays free meanwhile."""

    def __init__(self, cost: int) -> None:
        self.cost = cost
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="bcrypt")
        # What a login with an unknown e-mail is checked against, so that it takes as long as any other.
        self._nobody: bytes | None = None

    def __repr__(self) -> str:
        return f"<Passwords cost {self.cost}>"

    async def hash(self, password: str) -> str:
        """Return the hash to store."""
        return (await self._run(_hash, _digest(password), self.cost)).decode()

    async def matches(self, password: str, stored: str | None) -> bool:
        """Tell whether ``password`` is the one behind ``stored``; None never matches, and takes as long."""
        if stored is None:
            if self._nobody is None:
                self._nobody = await self._run(_hash, b"nobody", self.cost)
            await self._run(_check, _digest(password), self._nobody)
            return False
        return await self._run(_check, _digest(password), stored.encode())

    def close(self) -> None:
        """Give up the threads; work that has not begun is dropped. May be called again."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[bytes, Value], Outcome], password: bytes, value: Value) -> Outcome:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, password, value)


def _digest(password: str) -> bytes:
    # bcrypt takes at most 72 bytes and no NUL; a digest has 44 harmless ones, whatever the password is.
    return base64.b64encode(hashlib.sha256(password.encode()).digest())


def _hash(password: bytes, cost: int) -> bytes:
    return bcrypt.hashpw(password, bcrypt.gensalt(cost))


def _check(password: bytes, stored: bytes) -> bool:
    return bcrypt.checkpw(password, stored)
