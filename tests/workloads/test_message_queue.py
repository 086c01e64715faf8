"""The load on a message queue, on real brokers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from engine_lab import FLEETS
from faulty_redis import faulty_redis
from hypothesis import given
from hypothesis import strategies as st
from workload_lab import Outcome, stress

from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.stack import Service
from pytest_roo_load.workloads.queue.message import HEADER, Message, decode, encode
from pytest_roo_load.workloads.queue.settings import Choices
from pytest_roo_load.workloads.queue.workload import QueueWorkload


def load(url: str, folder: Path, **choices: Any) -> Outcome:
    return stress(QueueWorkload(url, Choices(**choices)), folder)


@contextlib.contextmanager
def client(url: str) -> Iterator[Any]:
    with redis_py.Redis.from_url(url) as found:
        yield found


@given(
    message=st.builds(
        Message, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.floats(allow_nan=False), st.booleans()
    ),
    size=st.integers(1, 300),
)
def test_a_message_is_read_as_it_was_written(message: Message, size: int) -> None:
    body = encode(message, size)

    assert decode(body) == message
    assert len(body) == max(size, HEADER)


@given(st.binary(max_size=60))
def test_what_is_no_message_of_ours_is_none(body: bytes) -> None:
    assert decode(body) is None or body.startswith(b"roo1")


def test_every_message_arrives_once_in_order_and_nothing_stays(redis: Service, tmp_path: Path) -> None:
    outcome = load(redis.url, tmp_path, messages=5000)

    assert [str(finding) for finding in outcome.examined.findings if finding.verdict.value != "pass"] == []
    assert len(outcome.examined.findings) == 4
    assert outcome.fact("messages delivered") == outcome.result.operations["put"].count == 5000
    assert outcome.result.operations["delivery"].interrupted == 0
    assert outcome.result.duration < 60, "the load ends when all is done"
    assert outcome.examined.gauges[0].points
    with client(redis.url) as found:
        assert list(found.scan_iter("roo:*")) == []


def test_others_take_over_from_consumers_that_crash_and_poison_is_buried(redis: Service, tmp_path: Path) -> None:
    workload = QueueWorkload(redis.url, Choices(messages=3000, crashes=2, poison=7, takeover="200 ms", tries=2))

    outcome = stress(workload, tmp_path, fleet=FLEETS["two processes"])

    assert outcome.broken == []
    assert len(outcome.examined.findings) == 5
    assert outcome.fact("messages left by consumers that crashed") > 0
    assert outcome.fact("messages handed out again") > 0
    assert outcome.fact("dead letters") == 7


def test_a_rate_is_kept(redis: Service, tmp_path: Path) -> None:
    outcome = load(redis.url, tmp_path, messages=500, rate="1000/s", batch=5)

    assert outcome.broken == []
    assert outcome.result.duration >= 0.48


@pytest.mark.parametrize(("fault", "kind"), [("lose", "lost"), ("twice", "duplicated"), ("swap", "reordered")])
def test_a_server_that_spoils_one_message_of_ten_thousand_is_found_out(
    redis: Service, tmp_path: Path, fault: str, kind: str
) -> None:
    with faulty_redis(redis.url, fault, 5003) as faulty:
        outcome = load(faulty.url, tmp_path, messages=10_000, producers=1, consumers=1, max_duration="40 s")

    assert faulty.spoilt == 1
    assert [finding.count for finding in outcome.broken] == [((kind, 1),)]


def test_a_queue_of_the_users_own_is_used_and_left_as_it_was(redis: Service, tmp_path: Path) -> None:
    with client(redis.url) as found:
        found.xadd("jobs", {"work": "somebody's"})
        try:
            outcome = load(redis.url, tmp_path, messages=500, queue="jobs", crashes=1, takeover="200 ms")
            left = found.xrange("jobs")
            groups = found.xinfo_groups("jobs")
        finally:
            found.delete("jobs")
        assert list(found.scan_iter("*")) == []

    assert outcome.broken == []
    assert [fields for _, fields in left] == [{b"work": b"somebody's"}]
    assert groups == []


def test_a_queue_that_does_not_exist_is_told_before_load(redis: Service, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the queue does not exist: 'orders'.*nothing of this name"):
        load(redis.url, tmp_path, queue="orders")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("redis://127.0.0.1:9/0", "the broker cannot be used"),
        ("kafka://127.0.0.1:9", "no broker is known by this URL"),
    ],
)
def test_a_broker_that_cannot_be_used_is_told_before_load(url: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=problem):
        load(url, tmp_path)


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        ({"crashes": 4}, "fewer than the 4 consumers"),
        ({"poison": 10, "messages": 10}, "fewer than messages"),
        ({"takeover": "1 ms"}, "takeover is out of range"),
        ({"rate": "fast"}, "not a quantity"),
    ],
)
def test_choices_out_of_range_are_refused(choices: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Choices(**choices)
