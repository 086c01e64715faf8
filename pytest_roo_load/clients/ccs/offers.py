"""What a server may or may not offer, and how that is found out before load is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from pytest_roo_load.clients.ccs.calling import PREFIX, answer_of, is_offered, operation
from pytest_roo_load.clients.ccs.session import Session
from pytest_roo_load.core.ports import User
from pytest_roo_load.errors import ConnectError, UsageError

__all__ = ["FEATURES", "answer_without", "check_features", "needs"]

Journey = TypeVar("Journey", bound=Callable[..., Any])


class Question(NamedTuple):
    """A request that changes nothing and that a server which has the route understands, if only to refuse it."""

    method: str
    path: str
    body: Any = None


_NOBODY = "00000000-0000-0000-0000-000000000000"
FEATURES: dict[str, Question | None] = {
    "commands": Question("GET", "/commands/stats"),
    "files": Question("POST", "/files/upload/start", {"size": "none"}),
    "file sync": Question("GET", "/files/sync"),
    "raw chunks": Question("PUT", f"/files/upload/{_NOBODY}/chunks/0", {}),
    "batch users": Question("POST", "/users/batch", {"operations": "none"}),
    "conversations": Question("GET", "/conversations?limit=1"),
    "messages": Question("GET", f"/conversations/{_NOBODY}/messages"),
    "search": Question("GET", "/messages/search?q=none"),
    "websocket": None,
}


def needs(*features: str) -> Callable[[Journey], Journey]:
    """Mark a journey: at a server that lacks one of these it is left out of the load, and the test is "not offered".

    ::

        @needs("commands")
        async def run_commands(user): ...

    Args:
        features: Of `FEATURES`.

    Raises:
        UsageError: There is no such feature.
    """
    check_features(features, "needs(...)")

    def mark(journey: Journey) -> Journey:
        vars(journey)["needs"] = features
        return journey

    return mark


def check_features(features: tuple[object, ...], place: str) -> None:
    """Nothing, or an error that lists the features.

    Raises:
        UsageError: There is none, or not such a one.
    """
    for feature in features or ("nothing",):
        if feature not in FEATURES:
            raise UsageError("unknown feature of a CCS", value=feature, allowed=", ".join(FEATURES), place=place)


async def answer_without(user: User, session: Session, feature: str) -> str | None:
    """The answer of a server that does not offer a feature; None when it does.

    Raises:
        OperationError: No answer at all.
    """
    question = FEATURES[feature]
    if question is None:
        return await _without_websocket(session)
    method, path, body = question
    response = await user.http.request(method, PREFIX + path, headers=session.headers, json=body)
    return None if is_offered(response) else f"{operation(method, path)}: {answer_of(response)}"


async def _without_websocket(session: Session) -> str | None:
    try:
        device = await session.connect()
    except ConnectError as error:
        return f"WS /ws: {error}"
    await device.close()
    return None
