"""Finds out, before load is sent, what of that which tests and journeys need the target does not offer."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any

from pytest_roo_load.clients.ccs.account import CCS
from pytest_roo_load.clients.ccs.offers import answer_without
from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.sweeper import INTERVAL_S, Sweeper
from pytest_roo_load.clients.websocket.client import WebSocketClient
from pytest_roo_load.core.accounts import Account
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import NotOffered, OperationError
from pytest_roo_load.session.stack import Service

__all__ = ["Offers", "told"]


class Offers:
    """What targets answered when they were asked for features of a CCS; each is asked once."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], str | None] = {}

    def __repr__(self) -> str:
        return f"<Offers, {len(self._answers)} features known>"

    def missing(self, target: Service, features: Iterable[str]) -> dict[str, str]:
        """Those of the features that the target does not offer, each with the answer that it gave."""
        unknown = [feature for feature in features if (target.url, feature) not in self._answers]
        if unknown:
            for feature, answer in asyncio.run(_ask(target, unknown)).items():
                self._answers[target.url, feature] = answer
        answers = {feature: self._answers[target.url, feature] for feature in features}
        return {feature: answer for feature, answer in answers.items() if answer is not None}


def told(missing: Mapping[str, str], left_out: Iterable[str] = ()) -> str:
    """What is not offered, and which journeys were left out for it, in one line."""
    answers = "; ".join(f"{feature} ({answer})" for feature, answer in missing.items())
    journeys = ", ".join(left_out)
    return f"not offered: {answers}" + (f"; without it: {journeys}" if journeys else "")


async def _ask(target: Service, features: Iterable[str]) -> dict[str, str | None]:
    user: Any = _Asker(target)
    sweeping = asyncio.create_task(user.sweep())
    try:
        session = await CCS(user).login()
        return {feature: await answer_without(user, session, feature) for feature in features}
    except NotOffered as error:
        return dict.fromkeys(features, str(error))
    except OperationError:  # who is not let in cannot tell what is offered; the load itself will show what is wrong
        return dict.fromkeys(features)
    finally:
        sweeping.cancel()
        await user.close()


class _Asker:
    """A `core.ports.User` that asks outside of any load; what it records goes nowhere."""

    def __init__(self, target: Service) -> None:
        self.id = 0
        self.run = f"asks-{secrets.token_hex(4)}"
        self.random = random.SystemRandom()
        self.recorder = PhaseRecorder("before")
        self.account: Account | None = next(iter(target.accounts), None)
        self._sweeper = Sweeper()
        self.http = HttpClient(target.url, self.recorder, self._sweeper)
        self.websocket = WebSocketClient(target.websocket_url or target.url, self.recorder, self._sweeper)

    def __repr__(self) -> str:
        return f"<_Asker of {self.http!r}>"

    async def sweep(self) -> None:
        """Keep the deadlines of requests."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            self._sweeper.sweep(perf_counter())

    async def close(self) -> None:
        """Close its connections."""
        await self.websocket.close()
        await self.http.close()
