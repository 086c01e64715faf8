"""The load on servers of WebSockets: an echo server in a thread, and the reference CCS."""

from __future__ import annotations

import resource
import socket
from pathlib import Path
from typing import Any

import pytest
from echo_server import echo_server
from engine_lab import FLEETS
from workload_lab import Outcome, stress

from pytest_roo_load.core.sequence import SequenceCheck
from pytest_roo_load.core.timeline import ProcessUse, Second
from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.stack import Service
from pytest_roo_load.workloads.swarm import workload
from pytest_roo_load.workloads.swarm.echo import number_in
from pytest_roo_load.workloads.swarm.part import Part, use_source
from pytest_roo_load.workloads.swarm.settings import Choices
from pytest_roo_load.workloads.swarm.storms import Storms
from pytest_roo_load.workloads.swarm.tally import Tally
from pytest_roo_load.workloads.swarm.workload import SwarmWorkload, memory_each

QUICK: dict[str, Any] = {"connections": 12, "duration": "0.5 s", "connect_over": "0.5 s", "interval": 0}


def load(url: str, folder: Path, name: str = "echo", fleet: str = "inline", **choices: Any) -> Outcome:
    swarm = SwarmWorkload(name, url, "server", Choices(**(QUICK | choices)))
    return stress(swarm, folder, fleet=FLEETS[fleet], target=url)


def test_every_message_comes_back_once_and_in_order(tmp_path: Path) -> None:
    with echo_server() as server:
        outcome = load(server.url, tmp_path)

    assert outcome.result.failed == 0
    assert [str(finding) for finding in outcome.examined.findings if finding.verdict.value != "pass"] == []
    assert server.accepted == 1 + 12, "one before the load, to see that it is a server of WebSockets"
    assert outcome.fact("connections") == 12
    assert outcome.fact("messages to receivers") == server.received > 12
    assert outcome.fact("connections opened per second") > 0


def test_several_generators_tell_together(tmp_path: Path) -> None:
    with echo_server() as server:
        outcome = load(server.url, tmp_path, fleet="two processes", interval="50 ms", duration="1 s")

    assert outcome.fact("messages to receivers") == server.received
    assert outcome.broken == []


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ("7:....", 7),
        ("7:", 7),
        (b"7:..", 7),
        ("7", None),
        ("12:30 welcome", None),
        ('{"type": "heartbeat"}', None),
        ("", None),
        (b"\xff7:", None),
    ],
)
def test_an_echo_is_a_number_of_ours_as_it_was_sent(message: str | bytes, number: int | None) -> None:
    assert number_in(message) == number


@pytest.mark.parametrize(
    ("fault", "kinds"), [("lose", {"lost"}), ("twice", {"duplicated"}), ("swap", {"reordered", "duplicated"})]
)
def test_a_server_that_spoils_one_message_is_found_out(tmp_path: Path, fault: str, kinds: set[str]) -> None:
    with echo_server(fault, 500) as server:
        outcome = load(server.url, tmp_path, connections=2, duration="3 s")

    assert server.received > 500
    assert {kind for finding in outcome.broken for kind, _ in finding.count} <= kinds
    assert outcome.broken
    assert all(number == 1 for finding in outcome.broken for _, number in finding.count)


def test_what_is_no_echo_is_neither_a_message_nor_a_repetition(tmp_path: Path) -> None:
    with echo_server(chatty=True) as server:
        outcome = load(server.url, tmp_path, connections=2)

    assert server.received > 2
    assert [str(finding) for finding in outcome.examined.findings if finding.verdict.value != "pass"] == []
    assert outcome.fact("messages that are no echo") == 2 + server.received


def test_what_is_no_echo_hides_no_lost_message(tmp_path: Path) -> None:
    with echo_server("lose", 50, chatty=True) as server:
        outcome = load(server.url, tmp_path, connections=1)

    assert [finding.count for finding in outcome.broken] == [(("lost", 1),)]


def test_storms_cut_and_renew_every_connection(tmp_path: Path) -> None:
    with echo_server() as server:
        outcome = load(server.url, tmp_path, duration="2.2 s", storm_every="1 s", interval="20 ms")

    assert outcome.fact("connections cut on purpose") >= 12
    assert server.accepted == 1 + 12 + outcome.fact("connections cut on purpose")
    assert outcome.result.operations["WS reconnect"].succeeded >= 12
    assert outcome.broken == []


class Source:
    """What `use_source` changes."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.websocket = self
        self.source: str | None = None


def part(connections: int, **rest: Any) -> Part:
    given = {"workload": "echo", "path": "/", "local": True, "interval_s": 0.0, "size": 20, "devices": 2}
    return Part(connections=connections, storm_every_s=None, slow_readers=0, **{**given, **rest})


def test_connections_beyond_the_ports_of_one_address_come_from_others() -> None:
    users: list[Any] = [Source(number) for number in (0, 24_999, 25_000, 60_000)]
    for user in users:
        use_source(part(70_000), user)
    assert [user.source for user in users] == ["127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.4"]

    few: Any = Source(3)
    use_source(part(10_000), few)
    use_source(part(70_000, local=False), few)
    assert few.source is None


def test_a_client_may_connect_from_another_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_roo_load.workloads.swarm.part._PER_SOURCE", 5)
    with echo_server() as server:
        outcome = load(server.url, tmp_path)

    assert outcome.result.failed == 0
    assert server.peers - {"127.0.0.1"} == {"127.0.0.2", "127.0.0.3", "127.0.0.4"}


def test_a_tally_settles_what_was_sent_against_what_was_seen() -> None:
    seen, tally = SequenceCheck(), Tally()
    for number in (0, 1, 3, 2, 2, 5):
        seen.see(number)

    tally.settle(7, seen)

    assert (tally.sent, tally.lost, tally.duplicated, tally.reordered) == (7, 2, 1, 1)


def test_without_storms_there_is_none() -> None:
    storms = Storms(None)

    assert (storms.due(), storms.pause(7.0)) == (False, 7.0)


def second(t: int, users: int, memory: int) -> Second:
    return Second(
        t=t, phase="warm_up", users=users, resources={"ccs": ProcessUse(memory_bytes=memory, cpu_s=0, processes=1)}
    )


def test_memory_of_a_connection_is_what_the_process_grew_by() -> None:
    seconds = [second(0, 0, 50_000_000), second(1, 500, 55_000_000), second(2, 1000, 60_000_000)]

    assert memory_each(seconds, "ccs", 2) == 5_000
    assert memory_each(seconds[:1], "ccs", 2) is None
    assert memory_each(seconds, "nobody", 2) is None


def test_devices_of_users_get_what_one_of_them_sends(target: Service, tmp_path: Path) -> None:
    outcome = load(target.url, tmp_path, "relay", connections=12, devices=3, connect_over="1 s", interval="50 ms")

    assert outcome.result.failed == 0, outcome.result.errors
    assert outcome.broken == []
    sent = outcome.result.operations["WS user_message"].count
    assert outcome.result.operations["relayed message"].count == pytest.approx(2 * sent, abs=2)
    assert outcome.result.groups["fan-out to all devices"].count > 0


def test_storms_and_slow_readers_lose_nothing_on_the_reference_server(target: Service, tmp_path: Path) -> None:
    rest: dict[str, Any] = {"connections": 8, "duration": "3 s", "connect_over": "1 s", "interval": "50 ms"}

    outcome = load(target.url, tmp_path, "relay", storm_every="1 s", slow_readers=1, **rest)

    assert outcome.broken == []
    assert outcome.fact("connections cut on purpose") >= 8
    assert outcome.result.groups["devices reconnected"].count >= 4


@pytest.mark.parametrize(
    ("name", "url", "choices", "problem"),
    [
        ("echo", "ws://127.0.0.1:9/", {}, "the server cannot be reached"),
        ("chat", "ws://127.0.0.1:9/", {}, "workload is not known"),
        ("relay", "ws://127.0.0.1:9/", {"connections": 7}, "connections cannot be shared out"),
        ("echo", "ws://127.0.0.1:9/", {"size": 3}, "size is out of range"),
        ("echo", "ws://127.0.0.1:9/", {"storm_every": "10 ms"}, "storm_every is out of range"),
    ],
)
def test_what_cannot_be_done_is_told_before_load(
    tmp_path: Path, name: str, url: str, choices: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        load(url, tmp_path, name, **choices)


def test_what_is_no_websocket_is_told_before_load(tmp_path: Path) -> None:
    with echo_server() as server, pytest.raises(UsageError, match=r"opens no WebSocket: .*404.*'/talk\?to=me'"):
        load(server.url.replace("/echo", "/talk?to=me"), tmp_path)

    assert server.accepted == 0


def test_a_server_that_does_not_answer_is_told_before_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, "_CONNECT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(UsageError, match="opens no WebSocket: no WebSocket handshake before the deadline"):
            load(url, tmp_path)


def test_more_connections_than_descriptors_are_refused(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY or hard > 900_000:
        pytest.skip("this process may have as many files as it likes")

    with pytest.raises(UsageError, match=f"up to {hard - 200:,} here"):
        load("ws://127.0.0.1:9/", tmp_path, connections=hard)
