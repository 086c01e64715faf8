"""What a manager of users does: a batch of them lives from creation to deletion."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_roo_load.clients.ccs import CCS, Session, needs
from pytest_roo_load.clients.ccs.calling import PREFIX
from pytest_roo_load.core.ports import User

__all__ = ["TALLIES", "Part", "Tally", "manage"]

TALLIES = "roo.users.tallies"
_PASSWORD = "Managed-User-1!"  # noqa: S105 - of accounts that exist for seconds
_ABOUT = {"device_name": "desktop of a managed user", "device_type": "desktop"}
_EXAMPLES = 20
_WELCOME, _REFUSED = 200, (401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Travels to generators.

    Attributes:
        prefix: How the e-mail addresses of all users of this run begin.
    """

    prefix: str
    batch: int
    logins_at_once: int


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a manager knows of its users.

    Attributes:
        done: Stage → how many users went through it.
        missed: Stage → of how many users nobody knows, for the answer said nothing of them: too many requests, or an
            error of the server.
        wrong: What was found that must not be, the first few of each manager.
        broken: How many such things there are.
    """

    done: dict[str, int] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    broken: int = 0

    def count(self, stage: str, number: int) -> None:
        """So many users went through a stage."""
        self.done[stage] = self.done.get(stage, 0) + number

    def miss(self, stage: str) -> None:
        """Nobody knows of a user whether it went through a stage."""
        self.missed[stage] = self.missed.get(stage, 0) + 1

    def note(self, text: str) -> None:
        """Something is not as it must be."""
        self.broken += 1
        if len(self.wrong) < _EXAMPLES:
            self.wrong.append(text)

    def add(self, other: Tally) -> None:
        """Add what another manager knows."""
        for stage, number in other.done.items():
            self.count(stage, number)
        for stage, number in other.missed.items():
            self.missed[stage] = self.missed.get(stage, 0) + number
        self.wrong += other.wrong
        self.broken += other.broken


@needs("batch users")
async def manage(part: Part, user: User) -> None:
    """Let batches of users live, one after the other."""
    tally = Tally()
    try:
        session = await CCS(user).login()
        async for number in user.iterations():
            await _Batch(part, user, session, tally).live(f"{part.prefix}{user.id}-{number}-")
    finally:
        user.record(TALLIES, tally)


class _Batch:
    """Users that are created, changed and ended together, and come one by one in between."""

    def __init__(self, part: Part, user: User, manager: Session, tally: Tally) -> None:
        self._part = part
        self._user = user
        self._manager = manager
        self._tally = tally

    async def live(self, prefix: str) -> None:
        emails = [f"{prefix}{place}@{self._user.run}.test" for place in range(self._part.batch)]
        ids = await self._create(emails)
        await self._all("update", [{"user_id": one, "display_name": f"Changed {one}"} for one in ids.values()])
        await self._each(ids.items(), self._comes_in)
        await self._all("deactivate", [{"user_id": one} for one in ids.values()])
        await self._each(ids.items(), self._is_shut_out)
        await self._all("delete", [{"user_id": one} for one in ids.values()])
        self._expect(await self._operate("update", [{"user_id": one} for one in ids.values()]), done=0)

    async def _create(self, emails: Sequence[str]) -> dict[str, str]:
        """E-mail → id. The same users cannot be created twice, not even in part."""
        asked = [{"email": email, "password": _PASSWORD, "display_name": "New"} for email in emails]
        results = await self._all("create", asked)
        self._expect(await self._operate("create", asked), done=0)
        return {email: one["user_id"] for email, one in zip(emails, results, strict=False) if one.get("success")}

    async def _all(self, stage: str, asked: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Do it to all users of the batch, every one of which must succeed."""
        results = await self._operate(stage, asked)
        if len(results) != len(asked):
            self._tally.note(f"{stage}: {len(asked)} asked for, {len(results)} answered")
        self._expect(results, done=len(asked))
        self._tally.count(stage, sum(bool(one.get("success")) for one in results))
        return results

    async def _operate(self, stage: str, asked: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        async with self._user.group(f"{stage} a batch"):
            answer = await self._manager.batch_users([{"op": stage, **one} for one in asked])
        found: Sequence[Mapping[str, Any]] = answer["results"]
        return found

    def _expect(self, results: Sequence[Mapping[str, Any]], *, done: int) -> None:
        succeeded = sum(bool(one.get("success")) for one in results)
        if succeeded != done:
            other = next((one for one in results if bool(one.get("success")) != bool(done)), {})
            self._tally.note(f"{succeeded} of {len(results)} succeeded, {done} should have, for example {other}")

    async def _each(self, users: Iterable[tuple[str, str]], visit: Callable[[str, str], Awaitable[None]]) -> None:
        """Visit every user, a few at the same time."""
        waiting = list(users)

        async def go_on() -> None:
            while waiting:
                await visit(*waiting.pop())

        await asyncio.gather(*(go_on() for _ in range(self._part.logins_at_once)))

    async def _comes_in(self, email: str, user_id: str) -> None:
        """Log in, and see the change."""
        answer = await self._log_in(email)
        if answer.status in _REFUSED:
            self._tally.note(f"{email} was created and cannot log in: {answer.text[:100]}")
            return
        if answer.status == _WELCOME:
            headers = {"Authorization": f"Bearer {answer.json()['data']['access_token']}"}
            answer = await self._user.http.get(f"{PREFIX}/users/profile", headers=headers, name="GET /users/profile")
        if answer.status != _WELCOME:
            self._tally.miss("log in")
            return
        name = answer.json()["data"]["user"].get("display_name")
        if name != f"Changed {user_id}":
            self._tally.note(f"{email} was changed and is still called {name!r}")
        self._tally.count("log in", 1)

    async def _is_shut_out(self, email: str, user_id: str) -> None:
        answer = await self._log_in(email)
        if answer.status in _REFUSED:
            self._tally.count("refused", 1)
        elif answer.status == _WELCOME:
            self._tally.note(f"{email} ({user_id}) was deactivated and can log in")
        else:
            self._tally.miss("refused")

    async def _log_in(self, email: str) -> Any:
        """The answer, which may be a refusal; any other than a welcome is counted as a failed operation."""
        body = {"email": email, "password": _PASSWORD, **_ABOUT}
        expect = (_WELCOME, *_REFUSED)
        return await self._user.http.post(f"{PREFIX}/auth/login", json=body, name="POST /auth/login", expect=expect)
