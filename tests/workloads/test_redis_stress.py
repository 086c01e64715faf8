"""The load on Redis, on a real one."""

from __future__ import annotations

import contextlib
import functools
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from engine_lab import FLEETS, eventually
from workload_lab import Outcome, stress

from pytest_roo_load.errors import UsageError
from pytest_roo_load.services.binaries import find_redis
from pytest_roo_load.session.stack import Service
from pytest_roo_load.workloads.choices import Pace
from pytest_roo_load.workloads.redis.journey import WORKLOADS
from pytest_roo_load.workloads.redis.settings import Choices
from pytest_roo_load.workloads.redis.workload import RedisWorkload

SHORT = Pace(clients=4, duration="30 s", count=200)


def load(url: str, name: str, folder: Path, pace: Pace = SHORT, **choices: Any) -> Outcome:
    return stress(RedisWorkload(name, url, Choices(**{"keys": 200, **choices}), pace), folder)


@contextlib.contextmanager
def client(url: str) -> Iterator[Any]:
    with redis_py.Redis.from_url(url) as found:
        yield found


def ours(url: str) -> list[bytes]:
    with client(url) as found:
        return sorted(found.scan_iter("roo:*", count=1000))


@pytest.mark.parametrize("name", WORKLOADS)
@pytest.mark.parametrize("pipeline", [1, 8])
def test_every_workload_keeps_its_promises_and_leaves_nothing(
    redis: Service, tmp_path: Path, name: str, pipeline: int
) -> None:
    outcome = load(redis.url, name, tmp_path, pipeline=pipeline)

    assert outcome.result.failed == 0
    assert outcome.result.count > 50
    assert [str(finding) for finding in outcome.examined.findings if finding.verdict.value != "pass"] == []
    assert bool(outcome.examined.findings) == (name in {"lua", "streams", "pubsub"})
    assert ours(redis.url) == []


@contextlib.contextmanager
def running(port: int, folder: Path, *settings: str) -> Iterator[None]:
    """A server that nobody else uses; what it keeps is in the folder."""
    folder.mkdir()
    program = find_redis().path("redis-server")
    common = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "")
    server = subprocess.Popen([program, *common, *settings], stdout=subprocess.DEVNULL)
    try:
        assert eventually(functools.partial(_answers, port))
        yield
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[str]:
    """The URL of a server whose counters and memory are this test's alone."""
    port = free_port()
    with running(port, tmp_path / "own-redis"):
        yield f"redis://127.0.0.1:{port}/0"


def test_counts_and_hit_rate_are_those_of_the_server(own_redis: str, tmp_path: Path) -> None:
    outcome = load(own_redis, "mixed", tmp_path, Pace(clients=3, duration="30 s", count=600), distribution="zipf")

    assert outcome.result.count == 600
    assert outcome.fact("hit rate") == 1.0
    assert outcome.fact("hits") == outcome.result.operations["GET"].count
    assert outcome.fact("hits of all clients that the server counted") == outcome.fact("hits")
    assert outcome.fact("commands of all clients that the server counted") >= 600


def test_what_expires_is_missed_and_counted(redis: Service, tmp_path: Path) -> None:
    outcome = load(redis.url, "ttl", tmp_path, Pace(clients=4, duration="1 s"), ttl_ms=50, keys=500, reads=0.9)

    assert outcome.fact("misses") > 0
    assert outcome.fact("hit rate") < 1
    assert outcome.fact("expired keys") > 0


def test_several_generators_account_together(redis: Service, tmp_path: Path) -> None:
    workload = RedisWorkload("lua", redis.url, Choices(), Pace(clients=4, duration="30 s", count=500))

    outcome = stress(workload, tmp_path, fleet=FLEETS["two processes"])

    assert outcome.result.operations["EVAL"].count == 500
    assert outcome.examined.findings[0].checked == 500
    assert outcome.broken == []


def test_an_open_rate_and_a_pipeline_count_every_command(redis: Service, tmp_path: Path) -> None:
    outcome = load(redis.url, "get", tmp_path, Pace(clients=4, duration="1 s", rate="50/s"), pipeline=4)

    assert outcome.result.arrivals in {49, 50}, "the first may count for the warm-up still"
    begun = outcome.result.groups["schedule lag"].count
    assert 0 < begun <= 50
    assert outcome.result.count == 4 * begun


@pytest.mark.parametrize(("name", "spoil"), [("lua", "INCRBY"), ("streams", "XDEL")])
def test_acknowledged_changes_that_are_lost_are_found(redis: Service, tmp_path: Path, name: str, spoil: str) -> None:
    """The planted fault: one acknowledged change is undone."""
    workload = RedisWorkload(name, redis.url, Choices(), Pace(clients=4, duration="30 s", count=400))

    def undo_one(_: object) -> None:
        with client(redis.url) as found:
            if spoil == "INCRBY":
                found.incrby(next(found.scan_iter("roo:*counter:*")), -1)
            else:
                key = next(found.scan_iter("roo:*stream:*"))
                found.xdel(key, found.xrange(key, count=1)[0][0])

    outcome = stress(workload, tmp_path, before_examining=undo_one)

    (finding,) = outcome.broken
    assert finding.count == (("lost", 1),)


def test_memory_is_looked_at_while_load_runs(redis: Service, tmp_path: Path) -> None:
    outcome = load(redis.url, "set", tmp_path, Pace(clients=2, duration="1.2 s"))

    (gauge,) = outcome.examined.gauges
    assert len(gauge.points) >= 1
    assert outcome.fact("memory of Redis, at most") == gauge.peak
    assert outcome.fact("memory of Redis, at most") > 500_000


def test_keys_of_a_dead_run_are_deleted_and_nobody_elses(redis: Service, tmp_path: Path) -> None:
    with client(redis.url) as found:
        found.sadd("roo:load:runs", "0123456789")
        found.set("roo:load:0123456789:k:1", "left")
        found.set("roo:load:of-somebody", "mine")
        load(redis.url, "get", tmp_path)
        left = ours(redis.url)
        found.delete("roo:load:of-somebody")

    assert left == [b"roo:load:of-somebody"]


def test_a_server_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Redis cannot be used") as told:
        load("redis://:secret@127.0.0.1:9/0", "get", tmp_path)

    assert "secret" not in str(told.value)


def test_a_missing_right_is_told_before_load(redis: Service, tmp_path: Path) -> None:
    with client(redis.url) as found:
        found.execute_command("ACL", "SETUSER", "poor", "on", ">pw", "~other:*", "+@all")
        try:
            with pytest.raises(UsageError, match=r"NOPERM.*roo:load:"):
                load(redis.url.replace("redis://", "redis://poor:pw@"), "get", tmp_path)
        finally:
            found.execute_command("ACL", "DELUSER", "poor")


def misconfigured(found: Any, folder: Path) -> None:
    """As with a full disk: what it keeps cannot be written."""
    found.config_set("save", "3600 1")
    shutil.rmtree(folder)
    found.set("something", "to be kept")
    found.bgsave()
    assert eventually(lambda: found.info("persistence")["rdb_last_bgsave_status"] == "err")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda found, _: found.config_set("requirepass", "pw"), "NOAUTH"),
        (lambda found, _: found.replicaof("127.0.0.1", 9), "READONLY.*name the primary"),
        (lambda found, _: found.config_set("maxmemory", 1), "OOM.*raise maxmemory"),
        (misconfigured, "MISCONF.*make room on its disk"),
    ],
    ids=["login", "replica", "memory", "disk"],
)
def test_a_server_that_takes_no_writes_is_told_before_load(
    own_redis: str, tmp_path: Path, spoil: Callable[[Any, Path], object], told: str
) -> None:
    with client(own_redis) as found:
        spoil(found, tmp_path / "own-redis")

    with pytest.raises(UsageError, match=told):
        load(own_redis, "get", tmp_path)


def test_too_little_memory_is_told_before_load(own_redis: str, tmp_path: Path) -> None:
    with client(own_redis) as found:
        found.config_set("maxmemory", found.info("memory")["used_memory"] + 2_000_000)

    with pytest.raises(UsageError, match="less memory left than the keys need"):
        load(own_redis, "set", tmp_path, keys=100_000)


def test_what_is_evicted_is_counted_when_it_is_allowed(own_redis: str, tmp_path: Path) -> None:
    with client(own_redis) as found:
        found.config_set("maxmemory-policy", "allkeys-random")
        found.config_set("maxmemory", found.info("memory")["used_memory"] + 1_000_000)

    outcome = load(own_redis, "mixed", tmp_path, keys=20_000, allow_eviction=True)

    assert outcome.fact("evicted keys") > 0
    assert outcome.fact("hit rate") < 1


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        ({"pipeline": 0}, "pipeline is out of range"),
        ({"distribution": "gauss"}, "distribution is not known"),
        ({"reads": 2.0}, "reads is out of range"),
    ],
)
def test_choices_out_of_range_are_refused(choices: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Choices(**choices)


def free_port() -> int:
    """The cluster's bus takes the port 10,000 above it, and both have to stay below the ephemeral ones."""
    for port in range(20_000, 22_700):
        with contextlib.suppress(OSError), socket.socket() as one, socket.socket() as bus:
            one.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + 10_000))
            return port
    raise AssertionError("no free port")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """Three nodes, each with a third of the slots; the URL of the first."""
    with contextlib.ExitStack() as nodes:
        ports = []
        for number in range(3):
            port = free_port()
            nodes.enter_context(running(port, tmp_path / f"node-{number}", "--cluster-enabled", "yes"))
            ports.append(port)
        _join(ports)
        yield f"redis://127.0.0.1:{ports[0]}/0"


def _answers(port: int) -> bool:
    with contextlib.suppress(redis_py.ConnectionError), redis_py.Redis(port=port) as found:
        return bool(found.ping())
    return False


def _is_ok(node: Any) -> bool:
    return b"cluster_state:ok" in node.execute_command("CLUSTER", "INFO")


def _join(ports: list[int]) -> None:
    for number, port in enumerate(ports):
        with redis_py.Redis(port=port) as found:
            found.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            slots = range(number * 16384 // 3, (number + 1) * 16384 // 3)
            found.execute_command("CLUSTER", "ADDSLOTS", *slots)
            if number:
                found.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0])
    for port in ports:
        with redis_py.Redis(port=port) as found:
            assert eventually(functools.partial(_is_ok, found))


def test_a_cluster_gets_each_command_where_its_key_is(cluster: str, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for name, pipeline in (("mixed", 1), ("mixed", 16), ("lua", 1), ("streams", 1)):
        outcome = load(cluster, name, folder, Pace(clients=3, duration="30 s", count=150), pipeline=pipeline)

        assert outcome.result.failed == 0, outcome.result.errors
        assert outcome.broken == []
        assert outcome.result.count > 50
        assert name != "mixed" or outcome.result.groups["connect"].count == 9, "each client to each node"


def test_a_run_on_a_cluster_leaves_nothing(cluster: str, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    load(cluster, "mixed", folder, replace(SHORT, clients=1))

    with client(cluster) as first:
        ports = {node[1] for _, _, node, *_ in first.execute_command("CLUSTER", "SLOTS")}
    assert len(ports) == 3
    assert [key for port in sorted(ports) for key in ours(f"redis://127.0.0.1:{port}/0")] == []


@pytest.fixture
def cluster_elsewhere(tmp_path: Path) -> Iterator[str]:
    """The URL of a node on this machine whose cluster names it by an address of another one."""
    port = free_port()
    settings = ("--cluster-enabled", "yes", "--cluster-announce-ip", "192.0.2.7")
    with running(port, tmp_path / "elsewhere", *settings), redis_py.Redis(port=port) as node:
        node.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        assert eventually(lambda: "192.0.2.7" in str(node.execute_command("CLUSTER", "SLOTS")))
        yield f"redis://127.0.0.1:{port}/0"


def test_load_stays_on_this_machine_whatever_nodes_a_cluster_names(
    pytester: pytest.Pytester, cluster_elsewhere: str
) -> None:
    pytester.makepyfile(
        f"""
        def test_redis(redis_stress):
            redis_stress.run("get", url={cluster_elsewhere!r})

        def test_queue(message_queue):
            message_queue.run(url={cluster_elsewhere!r})
        """
    )

    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=60)

    done.assert_outcomes(failed=2)
    told = (
        "*a node of the cluster: load would leave this machine: 'redis://192.0.2.7:*add --roo-allow-remote 192.0.2.7*"
    )
    done.stdout.fnmatch_lines([told, told])
