"""Many users, on the reference CCS and on one that forgets some."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from workload_lab import Outcome, stress
from wrong_ccs import API, Answer, Request, WrongCCS, failure, serving

from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.stack import Service
from pytest_roo_load.workloads.background import Background
from pytest_roo_load.workloads.users.settings import Choices
from pytest_roo_load.workloads.users.workload import UsersWorkload


class OneIsForgotten(WrongCCS):
    """The last deactivation of a batch is answered as done, and is not."""

    async def answer(self, request: Request) -> Answer:
        if request.path != f"{API}/users/batch":
            return await self.forward(request)
        operations = json.loads(request.body)["operations"]
        if operations[0]["op"] != "deactivate":
            return await self.forward(request)
        asked = Request(
            method=request.method,
            path=request.path,
            url=request.url,
            headers=request.headers,
            body=json.dumps({"operations": operations[:-1]}).encode(),
        )
        answer = await self.forward(asked)
        body = answer.json
        body["data"]["results"].append(body["data"]["results"][-1] | {"user_id": operations[-1]["user_id"]})
        return Answer(status=answer.status, headers=answer.headers, body=json.dumps(body).encode())


class TooBusy(WrongCCS):
    """What managed users ask for at one of their stages is answered with a status that says nothing of them."""

    def __init__(self, upstream: str, stage: str, status: int) -> None:
        super().__init__(upstream)
        self._stage = stage
        self._status = status
        self._known: set[str] = set()

    async def answer(self, request: Request) -> Answer:
        if self._asked(request) == self._stage:
            return failure(self._status, "BUSY")
        return await self.forward(request)

    def _asked(self, request: Request) -> str:
        if request.path != f"{API}/auth/login":
            return request.path.rpartition("/")[2]
        email = json.loads(request.body)["email"]
        if not email.startswith("roo-"):
            return "a manager's login"
        again = email in self._known
        self._known.add(email)
        return "login of the deactivated" if again else "login"


def execute(dsn: str, sql: str) -> None:
    async def send() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(send())


def manage(url: str, dsn: str | None, folder: Path, **choices: Any) -> Outcome:
    workload = UsersWorkload(Choices(**({"count": 20, "batch": 10, "managers": 2} | choices)), dsn)
    return stress(workload, folder, target=url)


def manage_on(wrong: WrongCCS, folder: Path) -> Outcome:
    with Background() as background:
        server = serving(wrong)
        url = background.run(server.__aenter__())
        try:
            return manage(url, None, folder)
        finally:
            background.run(server.__aexit__(None, None, None))


def test_users_live_and_are_gone(target: Service, postgres: Service, tmp_path: Path) -> None:
    outcome = manage(target.url, postgres.url, tmp_path)
    assert outcome.result.failed == 0
    assert [str(finding) for finding in outcome.examined.findings if finding.verdict.value != "pass"] == []
    assert len(outcome.examined.findings) == 3
    assert {outcome.fact(f"users: {stage}") for stage in ("create", "update", "log in", "refused", "delete")} == {20}


def test_a_database_that_does_not_answer_is_told_before_load(target: Service, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"users cannot be counted.*127\.0\.0\.1:9/db'.*--roo-postgres") as told:
        manage(target.url, "postgresql://me:secret@127.0.0.1:9/db", tmp_path)

    assert "secret" not in str(told.value)


def test_a_role_that_may_not_read_users_is_told_before_load(target: Service, postgres: Service, tmp_path: Path) -> None:
    execute(postgres.url, "CREATE ROLE blind LOGIN")
    try:
        with pytest.raises(UsageError, match=r"permission denied for table users.*a role that may read it"):
            manage(target.url, postgres.url.replace("postgres@", "blind@"), tmp_path)
    finally:
        execute(postgres.url, "DROP ROLE blind")


def test_a_batch_that_forgets_a_user_is_found(target: Service, tmp_path: Path) -> None:
    outcome = manage_on(OneIsForgotten(target.url), tmp_path)

    stages, halves = outcome.broken
    assert (halves.promise, halves.broken) == ("no user is left half-made", 2)
    assert "was deactivated and can log in" in halves.problems[0].text
    assert stages.problems[0].text.startswith("refused: found 18, acknowledged 20")
    assert outcome.fact("users: refused") == 18


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("stage", "missed", "operation"),
    [
        ("login", "log in", "POST /auth/login"),
        ("profile", "log in", "GET /users/profile"),
        ("login of the deactivated", "refused", "POST /auth/login"),
    ],
)
def test_an_answer_that_says_nothing_of_a_user_is_a_failed_operation_and_no_finding(
    target: Service, tmp_path: Path, stage: str, missed: str, operation: str, status: int
) -> None:
    outcome = manage_on(TooBusy(target.url, stage, status), tmp_path)

    assert [str(finding) for finding in outcome.examined.findings if finding.verdict.value != "pass"] == []
    assert outcome.examined.findings[0].unknown == 20
    assert (outcome.fact(f"users: {missed}"), outcome.fact("users: delete")) == (0, 20)
    assert outcome.result.failed == outcome.result.operations[operation].errors[f"status {status}"].count == 20


@pytest.mark.parametrize(
    ("choices", "told"), [({"count": 100, "batch": 30}, "a multiple of batch=30"), ({"batch": 1001}, "batch")]
)
def test_what_cannot_be_chosen(choices: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Choices(**choices)
