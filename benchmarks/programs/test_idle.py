"""Users that connect and then wait until the load ends."""

from __future__ import annotations

import os

from pytest_roo_load import User, constant_users
from pytest_roo_load.fixtures.load import VirtualUsers

USERS = int(os.environ.get("USERS", "5000"))
LOAD, WARM_UP = os.environ.get("LOAD", "12 s"), os.environ.get("WARM_UP", "0 s")
_LONG_S = 3600.0


async def rest_on_http(user: User) -> None:
    """One request, whose connection stays open."""
    await user.http.get("/")
    async for _ in user.iterations():
        await user.think(_LONG_S)


async def rest_on_a_websocket(user: User) -> None:
    """One WebSocket, which stays open."""
    await user.websocket.connect("/")
    async for _ in user.iterations():
        await user.think(_LONG_S)


def test_idle_http(virtual_users: VirtualUsers) -> None:
    """A keep-alive connection for each user."""
    virtual_users.run(rest_on_http, constant_users(USERS, LOAD, warm_up=WARM_UP))


def test_idle_websockets(virtual_users: VirtualUsers) -> None:
    """A WebSocket for each user."""
    virtual_users.run(rest_on_a_websocket, constant_users(USERS, LOAD, warm_up=WARM_UP))
