"""Users that ask questions over WebSockets."""

from __future__ import annotations

import os
from collections.abc import Hashable

from pytest_roo_load import User, constant_users
from pytest_roo_load.fixtures.load import VirtualUsers

USERS = int(os.environ.get("USERS", "100"))
LOAD, WARM_UP = os.environ.get("LOAD", "6 s"), os.environ.get("WARM_UP", "2 s")
QUESTION = "x" * 64


def _the_only_one(message: str | bytes) -> Hashable:
    """A user has one question at a time, so that every message answers it."""
    return message


async def talk(user: User) -> None:
    """A question and its answer in each iteration."""
    socket = await user.websocket.connect("/", correlate=_the_only_one)
    async for _ in user.iterations():
        await socket.request(QUESTION, key=QUESTION, name="echo")


def test_talk(virtual_users: VirtualUsers) -> None:
    """Round trips without a pause."""
    virtual_users.run(talk, constant_users(USERS, LOAD, warm_up=WARM_UP))
