from __future__ import annotations

import pytest
from client_lab import run

from pytest_roo_load import observe
from pytest_roo_load.clients.http.response import Head, Response
from pytest_roo_load.core.consistency.history import Event, Outcome
from pytest_roo_load.errors import ConnectionLost, UnexpectedAnswer
from pytest_roo_load.testing import FakeUser


def observed(error: BaseException | None, *, says: str = "") -> Event:
    user = FakeUser(3)

    async def main() -> None:
        async with observe(user, "write", key="x", value=1) as seen:
            seen.result = "done"
            if says:
                getattr(seen, says)()
            if error is not None:
                raise error

    if error is None:
        run(main())
    else:
        with pytest.raises(type(error)):
            run(main())
    (event,) = user.recorder.values["history"]
    assert isinstance(event, Event)
    return event


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, Outcome.OK),
        (ConnectionLost("gone"), Outcome.UNKNOWN),
        (UnexpectedAnswer("no", kind="status 503"), Outcome.UNKNOWN),
        (UnexpectedAnswer("no", kind="status 409"), Outcome.FAILED),
        (UnexpectedAnswer("no"), Outcome.UNKNOWN),
        (KeyError("x"), Outcome.UNKNOWN),
        (KeyboardInterrupt(), Outcome.UNKNOWN),
    ],
)
def test_what_is_known_of_the_outcome(error: BaseException | None, outcome: Outcome) -> None:
    event = observed(error)
    assert (event.client, event.kind, event.key, event.value, event.outcome) == (3, "write", "x", 1, outcome)
    assert event.began_s <= event.ended_s


def test_a_client_that_knows_better_says_so() -> None:
    assert observed(None, says="refused").outcome is Outcome.FAILED
    assert observed(KeyError("x"), says="refused").outcome is Outcome.FAILED
    assert observed(None, says="unknown").outcome is Outcome.UNKNOWN
    assert observed(UnexpectedAnswer("no", kind="status 409"), says="unknown").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "outcome"), [(201, Outcome.OK), (302, Outcome.OK), (409, Outcome.FAILED), (503, Outcome.UNKNOWN)]
)
def test_an_answer_tells_by_its_status(status: int, outcome: Outcome) -> None:
    user, answer = FakeUser(3), Response.of(Head(status, ()), b"so\nit is")

    async def main() -> None:
        async with observe(user, "add", value=1):
            assert answer.raise_for_status() is answer

    if status < 400:
        run(main())
    else:
        with pytest.raises(UnexpectedAnswer, match=rf"^status {status} so it is$") as caught:
            run(main())
        assert (caught.value.kind, caught.value.counted) == (f"status {status}", True)
    (event,) = user.recorder.values["history"]
    assert event.outcome is outcome
