"""The contract of a CCS, one statement for each thing that it promises.

A statement is an async function of a `Visit` whose docstring is the sentence that must hold; it fails by an assertion.
One module has one subject, and one list says in which order they are checked: what may end a wrong server comes last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import aiohttp

from . import accounts, commands, conversations, files, http, messages, tokens, websocket
from .visit import NotChecked, Place, Visit

__all__ = ["STATEMENTS", "NotChecked", "Place", "Statement", "Visit", "check", "name_of"]

Statement = Callable[[Visit], Awaitable[None]]
STATEMENTS: tuple[Statement, ...] = (
    *http.STATEMENTS,
    *accounts.STATEMENTS,
    *tokens.STATEMENTS,
    *conversations.STATEMENTS,
    *messages.STATEMENTS,
    *commands.STATEMENTS,
    *files.STATEMENTS,
    *websocket.STATEMENTS,
)


async def check(place: Place, statement: Statement) -> NotChecked | str | None:
    """None when the statement holds; else why it could not be checked, or what was seen instead.

    An answer of another shape than the contract's shows as what could not be read of it.
    """
    try:
        async with Visit.to(place) as visit:
            await statement(visit)
    except NotChecked as error:
        return error
    except AssertionError as error:
        return str(error)
    except (aiohttp.ClientError, OSError, KeyError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def name_of(statement: Statement) -> str:
    """The statement as the id of a test."""
    return statement.__name__.replace("_", "-")
