from __future__ import annotations

import pytest
from client_lab import run

from pytest_roo_load import observe
from pytest_roo_load.core.consistency.history import Event, Outcome
from pytest_roo_load.errors import ConnectionLost, UnexpectedAnswer
from pytest_roo_load.testing import FakeUser


def observed(error: BaseException | None, *, refused: bool = False) -> Event:
    user = FakeUser(3)

    async def main() -> None:
        async with observe(user, "write", key="x", value=1) as seen:
            seen.result = "done"
            if refused:
                seen.refused()
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
    assert observed(None, refused=True).outcome is Outcome.FAILED
