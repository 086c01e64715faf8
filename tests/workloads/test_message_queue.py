"""The load on a message queue, on real brokers."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from engine_lab import FLEETS, eventually
from faulty_redis import faulty_redis
from hypothesis import given
from hypothesis import strategies as st
from workload_lab import Outcome, stress

from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.stack import Service
from pytest_roo_load.workloads.queue.broker import broker, connect
from pytest_roo_load.workloads.queue.consumer import TAKEN, Consumer
from pytest_roo_load.workloads.queue.message import HEADER, Message, decode, encode
from pytest_roo_load.workloads.queue.settings import Choices
from pytest_roo_load.workloads.queue.workload import QueueWorkload

LONG = "20 s"  # nobody takes over from a consumer that a busy machine holds up


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
    outcome = load(redis.url, tmp_path, messages=5000, takeover=LONG)

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
        outcome = load(faulty.url, tmp_path, messages=10_000, producers=1, consumers=1, takeover=LONG)

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
        assert [*found.scan_iter("roo:*"), *found.scan_iter("jobs*")] == []

    assert outcome.broken == []
    assert [fields for _, fields in left] == [{b"work": b"somebody's"}]
    assert groups == []


class Alone:
    """What a consumer needs of a user."""

    def __init__(self) -> None:
        self.id = 0
        self.recorder = PhaseRecorder("steady")
        self.taken: list[Any] = []

    def record(self, name: str, value: Any) -> None:
        assert name == TAKEN
        self.taken.append(value)


async def consume(
    url: str, queue: str | None, beside: Any = None, foreign: tuple[bytes, ...] = (), **how: Any
) -> tuple[int, int, int]:
    """One consumer of a hundred messages that are there: how many it processed, left behind, and the queue has left."""
    queues = broker(url, queue, 20.0, 3)
    user: Any = Alone()
    try:
        place = await queues.open()
        line = await connect(place, "alone")
        await line.put([*foreign, *(encode(Message(0, number, 0.0), 30) for number in range(100))])
        await line.finish()
        other = asyncio.ensure_future(beside() if beside else asyncio.sleep(0))
        try:
            async with asyncio.timeout(20):
                await Consumer(user, line, place.tries).work(producers=1, **how)
        finally:
            other.cancel()
            await asyncio.wait([other])
        (_, numbers, _, left_behind) = user.taken[0]
        depth = await queues.depth()
        await line.close()
        return len(numbers) // 8, left_behind, depth
    finally:
        await queues.delete()


@pytest.mark.parametrize("most", [10, 100])
def test_a_consumer_crashes_with_messages_in_its_hands_however_many_it_takes_at_once(redis: Service, most: int) -> None:
    assert asyncio.run(consume(redis.url, None, most=most, crash_after=8)) == (8, most - 8, 92)


def test_a_crash_that_did_not_come_about_is_no_data(redis: Service, tmp_path: Path) -> None:
    outcome = load(redis.url, tmp_path, messages=1, consumers=12, crashes=11, takeover="200 ms")

    (empty,) = [finding for finding in outcome.examined.findings if finding.verdict.value == "no data"]
    assert "of the 11 consumers that were to crash" in str(empty)
    assert "more messages" in str(empty)


@pytest.mark.parametrize("broker", ["redis", "nats_url", "amqp_url"])
def test_what_is_none_of_ours_does_not_hold_up_the_end(request: pytest.FixtureRequest, broker: str) -> None:
    found = request.getfixturevalue(broker)
    url = found.url if isinstance(found, Service) else found

    assert asyncio.run(consume(url, None, foreign=(b"of somebody",), most=100, crash_after=None)) == (100, 0, 0)


def test_what_others_add_to_a_queue_of_the_users_own_is_passed_over_and_stays(redis: Service) -> None:
    added = 0

    async def others() -> None:
        nonlocal added
        while True:
            found.xadd("jobs", {"work": "somebody's"})
            added += 1
            await asyncio.sleep(0.005)

    with client(redis.url) as found:
        found.xadd("jobs", {"work": "somebody's"})
        try:
            counted = asyncio.run(consume(redis.url, "jobs", others, most=10, crash_after=None))
            left = found.xlen("jobs")
        finally:
            found.delete("jobs")

    assert counted[:2] == (100, 0)
    assert added > 0
    assert left == 1 + added


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


@pytest.mark.parametrize(("library", "url"), [("nats", "nats://127.0.0.1:9"), ("aio_pika", "amqp://127.0.0.1:9/")])
def test_a_queue_of_the_users_own_is_refused_where_taking_takes_from_everybody(
    tmp_path: Path, library: str, url: str
) -> None:
    pytest.importorskip(library)

    with pytest.raises(UsageError, match=r"exists already cannot be used: 'orders'.*leave queue= out"):
        load(url, tmp_path, queue="orders")


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


@pytest.fixture(scope="module")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A NATS server with JetStream."""
    pytest.importorskip("nats", reason="pip install nats-py")
    program = shutil.which("nats-server")
    if program is None:
        pytest.skip("install nats-server so that it is on the path")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("nats")
    server = subprocess.Popen(
        [program, "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        assert eventually(functools.partial(_listens, port))
        yield f"nats://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def streams(url: str) -> list[str]:
    async def names() -> list[str]:
        import nats  # noqa: PLC0415 - only where it is installed

        client = await nats.connect(url)
        try:
            return [info.config.name or "" for info in await client.jetstream().streams_info()]
        finally:
            await client.close()

    return asyncio.run(names())


def test_nats_delivers_every_message_once_in_order_and_nothing_stays(nats_url: str, tmp_path: Path) -> None:
    outcome = load(nats_url, tmp_path, messages=3000, batch=50, takeover=LONG)

    assert [str(finding) for finding in outcome.examined.findings if finding.verdict.value != "pass"] == []
    assert outcome.fact("messages delivered") == outcome.result.operations["put"].count == 3000
    assert streams(nats_url) == []


def test_nats_hands_out_again_what_a_crashed_consumer_had(nats_url: str, tmp_path: Path) -> None:
    workload = QueueWorkload(nats_url, Choices(messages=2000, crashes=1, poison=3, takeover="500 ms", tries=2))

    outcome = stress(workload, tmp_path, fleet=FLEETS["two processes"])

    assert outcome.broken == []
    assert outcome.fact("messages left by consumers that crashed") > 0
    assert outcome.fact("dead letters") == 3


def test_streams_of_dead_runs_on_nats_are_deleted_and_nobody_elses(nats_url: str, tmp_path: Path) -> None:
    async def leave(*names: tuple[str, str]) -> None:
        import nats  # noqa: PLC0415 - only where it is installed

        client = await nats.connect(nats_url)
        for name, description in names:
            await client.jetstream().add_stream(name=name, subjects=[name], description=description)
        await client.close()

    asyncio.run(leave(("roo_load_0123456789", "1"), ("roo_load_of_somebody", "mine"), ("orders", "1")))
    load(nats_url, tmp_path, messages=100)

    assert sorted(streams(nats_url)) == ["orders", "roo_load_of_somebody"]


def test_a_nats_server_that_does_not_answer_is_told_before_load(tmp_path: Path) -> None:
    pytest.importorskip("nats", reason="pip install nats-py")

    with pytest.raises(UsageError, match="the broker cannot be used"):
        load("nats://me:secret@127.0.0.1:9", tmp_path)


@pytest.fixture
def amqp_url() -> str:
    """A broker that speaks AMQP; starting RabbitMQ takes a quarter of a minute, so it is started by hand."""
    pytest.importorskip("aio_pika", reason="pip install aio-pika")
    url = os.environ.get("TEST_AMQP_URL")
    if url is None:
        pytest.skip("set TEST_AMQP_URL to the URL of a RabbitMQ, such as amqp://guest:guest@127.0.0.1:5672/")
    return url


def test_amqp_delivers_every_message_once_in_order(amqp_url: str, tmp_path: Path) -> None:
    outcome = load(amqp_url, tmp_path, messages=2000, batch=20, takeover=LONG)

    assert [str(finding) for finding in outcome.examined.findings if finding.verdict.value != "pass"] == []
    assert outcome.fact("messages delivered") == outcome.result.operations["put"].count == 2000


def test_amqp_hands_out_again_what_a_crashed_consumer_had(amqp_url: str, tmp_path: Path) -> None:
    workload = QueueWorkload(amqp_url, Choices(messages=2000, crashes=1, poison=3, takeover="500 ms", tries=2))

    outcome = stress(workload, tmp_path, fleet=FLEETS["two processes"])

    assert outcome.broken == []
    assert outcome.fact("messages left by consumers that crashed") > 0
    assert outcome.fact("dead letters") == 3


def test_an_amqp_broker_that_does_not_answer_is_told_before_load(tmp_path: Path) -> None:
    pytest.importorskip("aio_pika", reason="pip install aio-pika")

    with pytest.raises(UsageError, match="the broker cannot be used") as told:
        load("amqp://me:secret@127.0.0.1:9/", tmp_path)

    assert "secret" not in str(told.value)
