"""Commands in bulk, on the reference CCS and on one that delivers them wrongly."""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workload_lab import Outcome, stress
from wrong_ccs import API, Answer, Link, Request, WrongCCS, serving

from pytest_roo_load.clients.ccs.device import Task
from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.stack import Service
from pytest_roo_load.workloads.background import Background
from pytest_roo_load.workloads.commands import journey
from pytest_roo_load.workloads.commands.bulk import Bulk
from pytest_roo_load.workloads.commands.settings import Choices
from pytest_roo_load.workloads.commands.workload import CommandsWorkload


class TwoAreSwapped(WrongCCS):
    """The twentieth and the twenty-first command change places."""

    async def to_client(self, link: Link, text: str) -> None:
        if json.loads(text).get("type") != "task_start":
            await super().to_client(link, text)
            return
        link.notes.append(text)
        if len(link.notes) == 20:
            return
        await super().to_client(link, text)
        if len(link.notes) == 21:
            await super().to_client(link, link.notes[19])


class OneIsDropped(WrongCCS):
    """The last command of each bulk is answered as queued, and is not."""

    async def answer(self, request: Request) -> Answer:
        if (request.method, request.path) != ("POST", f"{API}/commands"):
            return await self.forward(request)
        fewer = json.dumps(json.loads(request.body)[:-1]).encode()
        answer = await self.forward(replace(request, body=fewer))
        body = answer.json
        body["data"]["ids"].append(str(uuid.uuid4()))
        return replace(answer, body=json.dumps(body).encode())


class OneIsDoneTwice(WrongCCS):
    """From the first bulk on there is one effect more than there are commands."""

    more = 0

    async def answer(self, request: Request) -> Answer:
        answer = await self.forward(request)
        if request.path == f"{API}/commands":
            self.more = 1
        if request.path != f"{API}/commands/stats":
            return answer
        body = answer.json
        body["data"]["stats"]["effects"] += self.more
        return replace(answer, body=json.dumps(body).encode())


class AndOneHasNotEndedYet(OneIsDoneTwice):
    """When it is asked first after that, one command has not had its effect yet: so the number is as it should be."""

    asked = 0

    async def answer(self, request: Request) -> Answer:
        answer = await super().answer(request)
        if request.path != f"{API}/commands/stats" or not self.more:
            return answer
        self.asked += 1
        body = answer.json
        if self.asked == 1:
            body["data"]["stats"]["effects"] -= 1
            body["data"]["stats"]["by_status"]["executing"] = 1
        return replace(answer, body=json.dumps(body).encode())


def queue(url: str, folder: Path, **choices: Any) -> Outcome:
    workload = CommandsWorkload(Choices(**({"count": 200, "bulk": 100, "users": 2} | choices)), disturbed=False)
    return stress(workload, folder, target=url)


def test_every_command_has_its_effect_in_order(target: Service, tmp_path: Path) -> None:
    outcome = queue(target.url, tmp_path)
    assert outcome.result.failed == 0
    assert [str(finding) for finding in outcome.examined.findings if finding.verdict.value != "pass"] == []
    assert outcome.fact("commands with their effect") == 200
    assert outcome.fact("command from queue to completion, p95") > 0


def queue_wrongly(wrong: WrongCCS, folder: Path) -> Outcome:
    with Background() as background:
        server = serving(wrong)
        url = background.run(server.__aenter__())
        try:
            return queue(url, folder, count=100, users=1, by_server=0.0)
        finally:
            background.run(server.__aexit__(None, None, None))


def test_commands_that_come_in_the_wrong_order_are_found(target: Service, tmp_path: Path) -> None:
    outcome = queue_wrongly(TwoAreSwapped(target.url), tmp_path)
    assert outcome.result.errors == {}
    (broken,) = outcome.broken
    assert broken.promise == "higher priorities come first, and first come first within one"
    assert "1 commands came after one" in broken.problems[0].text


def test_a_command_that_is_lost_is_found(target: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journey, "_QUIET_S", 2.0)

    outcome = queue_wrongly(OneIsDropped(target.url), tmp_path)

    (broken,) = outcome.broken
    assert [problem.text for problem in broken.problems] == [
        "effects: found 99, acknowledged 100, unanswered 0",
        "executed by devices: found 99, acknowledged 100, unanswered 0",
    ]


@pytest.mark.parametrize("wrong", [OneIsDoneTwice, AndOneHasNotEndedYet])
def test_a_command_that_is_done_twice_is_found(wrong: type[WrongCCS], target: Service, tmp_path: Path) -> None:
    outcome = queue_wrongly(wrong(target.url), tmp_path)

    (broken,) = outcome.broken
    assert [problem.text for problem in broken.problems] == ["effects: found 101, acknowledged 100, unanswered 0"]


def made(size: int, seed: int) -> Bulk:
    return Bulk.made("k", size, device="d", by_server=0.2, draw=random.Random(seed))


def task(key: str) -> Task:
    return Task(command_id="c", kind="device_sync", key=key, attempt=1, payload=None, frame="f")


@given(st.integers(1, 60), st.integers(0, 10**6))
def test_the_order_is_by_priority_and_then_by_place(size: int, seed: int) -> None:
    bulk = made(size, seed)
    priorities = {body["idempotency_key"]: body["priority"] for body in bulk.bodies if body["target_device_ids"]}
    in_order = sorted(bulk.expected, key=lambda key: (-priorities[key], int(key[1:])))
    assert list(priorities) == [body["idempotency_key"] for body in bulk.bodies if body["target_device_ids"]]
    for key in in_order:
        bulk.see(task(key))
    assert (bulk.is_complete, bulk.late(), bulk.again, bulk.strange) == (True, 0, 0, 0)
    for key in in_order[:1]:
        bulk.see(task(key))
    bulk.see(task("nobody's"))
    assert (bulk.again, bulk.strange) == (len(in_order[:1]), 1)


def test_each_command_that_is_overtaken_counts() -> None:
    bulk = made(30, 1)
    first, *rest = bulk.expected
    for key in [*rest, first]:
        bulk.see(task(key))
    assert bulk.late() == 1


@pytest.mark.parametrize(
    ("choices", "told"), [({"count": 100, "bulk": 30}, "a multiple of bulk=30"), ({"by_server": 2.0}, "by_server")]
)
def test_what_cannot_be_chosen(choices: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Choices(**choices)
