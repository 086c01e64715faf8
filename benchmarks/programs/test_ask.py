"""What our users do, as an ordinary test of the plugin: ask for / without a pause and check the status."""

from __future__ import annotations

import os

from pytest_roo_load import User, constant_users
from pytest_roo_load.fixtures.load import VirtualUsers

USERS = int(os.environ.get("USERS", "64"))
LOAD, WARM_UP = os.environ.get("LOAD", "6 s"), os.environ.get("WARM_UP", "2 s")


async def ask(user: User) -> None:
    """One request in each iteration."""
    async for _ in user.iterations():
        await user.http.get("/")


async def ask_and_check(user: User) -> None:
    """The same with a check."""
    async for _ in user.iterations():
        answer = await user.http.get("/")
        user.check(answer.status == 200, "status is 200")  # noqa: PLR2004


def test_ask(virtual_users: VirtualUsers) -> None:
    """Everything a run does is on: phases, recording, a line for each second, judging, the report."""
    virtual_users.run(ask, constant_users(USERS, LOAD, warm_up=WARM_UP))


def test_ask_and_check(virtual_users: VirtualUsers) -> None:
    """The same with a check in each iteration."""
    virtual_users.run(ask_and_check, constant_users(USERS, LOAD, warm_up=WARM_UP))
