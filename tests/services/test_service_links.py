"""Faults of links, done by the keeper on a real proxy and seen by those who use the link."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from link_lab import Datagrams, connected, control, echo_server, echoes, likely

from pytest_roo_load.core.faults.fault import FaultRecord
from pytest_roo_load.core.faults.schedule import Schedule
from pytest_roo_load.keeper.client import Keeper
from pytest_roo_load.keeper.launch import DEFAULT_RECIPES

sys.path.insert(0, str(Path(__file__).parents[1] / "keeper"))
from keeper_lab import eventually, new_run


@pytest.fixture(scope="module")
def keeper() -> Iterator[Keeper]:
    with new_run(DEFAULT_RECIPES) as run:
        client = run.client()
        client.ensure("links")
        yield client


class Link:
    """The link "redis" to a server that sends everything back."""

    name = "redis"

    def __init__(self, proxy: str, keeper: Keeper) -> None:
        self.proxy = proxy
        self.keeper = keeper

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = control(self.proxy, "GET", f"/links/{self.name}")
        return facts

    @property
    def port(self) -> int:
        return int(self.facts["port"])

    def begin(self, schedule: Schedule) -> FaultRecord:
        """The record of the first fault as soon as all are applied."""
        self.keeper.begin_faults(time.monotonic(), schedule.faults)
        assert eventually(lambda: all(one.evidence or one.problem for one in self.keeper.faults()))
        return self.keeper.faults()[0]

    def end(self) -> FaultRecord:
        return self.keeper.end_faults()[0]

    def has(self, connections: int) -> bool:
        return eventually(lambda: self.facts["connections"] == connections)


@pytest.fixture
def link(keeper: Keeper) -> Iterator[Link]:
    proxy = keeper.ensure("links").url
    with echo_server() as server:
        control(proxy, "POST", "/links", {"name": "redis", "server": server})
        yield Link(proxy, keeper)
        keeper.end_faults()
        control(proxy, "DELETE", "/links/redis")


def test_a_share_of_the_connections_has_the_fault(link: Link) -> None:
    with ExitStack() as stack:
        ones = [stack.enter_context(connected(link.port)) for _ in range(200)]
        assert link.has(connections=200)
        record = link.begin(Schedule().at(0).reset("redis", probability="30 %"))
        gone = sum(not echoes(one) for one in ones)
        assert likely(gone, 0.3, of=200)
        assert record.evidence == f"toxic reset was put on {gone} of 200 live connections of link redis, downstream"
        assert not link.end().misfire


def test_a_connection_has_it_in_both_directions_or_in_none(link: Link) -> None:
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(connected(link.port))
        assert link.has(connections=40)
        record = link.begin(Schedule().at(0).partition("redis", probability="50 %"))
        up, down = (one["connections"] for one in link.facts["toxics"])
        assert up == down
        control(link.proxy, "POST", "/links/redis/toxics", {"kind": "slicer", "settings": {"size": 1}})
        assert [one["connections"] for one in link.facts["toxics"]] == [up, up, 40]
        assert record.evidence.endswith(f"{up} of 40 live connections of link redis, in both directions")


def test_what_no_connection_has_had_did_not_take_hold(link: Link) -> None:
    with connected(link.port) as one:
        assert echoes(one)
        record = link.begin(Schedule().at(0).slow("redis", latency="1 ms", probability="0.0001 %"))
        assert record.evidence == "toxic latency was put on 0 of 1 live connection of link redis, downstream"
        assert echoes(one)
        record = link.end()
    assert not record.took_hold
    assert record.misfire.endswith("it did not take hold: no connection of link redis had it")
    assert not link.facts["toxics"], "it was taken away all the same"


def test_a_link_that_nobody_uses_is_not_broken(link: Link) -> None:
    link.begin(Schedule().at(0).slow("redis", latency="1 ms"))
    assert "no connection of link redis had it" in link.end().misfire


def test_connections_that_have_ended_count(link: Link) -> None:
    link.begin(Schedule().at(0).slow("redis", latency="1 ms", probability="99.9999 %"))
    with connected(link.port) as one:
        assert echoes(one)
    assert link.has(connections=0)
    assert not link.end().misfire


def test_several_faults_of_one_kind_are_undone_each_by_itself(link: Link) -> None:
    with connected(link.port) as one:
        assert echoes(one)
        both = Schedule().at(0).slow("redis", latency="2 ms", duration="100 ms").at(0).slow("redis", latency="3 ms")
        link.begin(both)
        assert eventually(lambda: len(link.facts["toxics"]) == 1)
        (left,) = link.facts["toxics"]
        assert left["settings"]["latency_s"] == 0.003
        assert echoes(one)
        records = link.keeper.end_faults()
    assert [one.misfire for one in records] == ["", ""]
    assert not link.facts["toxics"]


class Telemetry(Link):
    """The link "telemetry", for datagrams."""

    name = "telemetry"

    def __init__(self, proxy: str, keeper: Keeper, ends: Datagrams) -> None:
        super().__init__(proxy, keeper)
        self.ends = ends


@pytest.fixture
def telemetry(keeper: Keeper) -> Iterator[Telemetry]:
    proxy = keeper.ensure("links").url
    with Datagrams() as ends:
        wanted = {"name": "telemetry", "server": ends.address, "datagrams": True}
        ends.client.connect(("127.0.0.1", control(proxy, "POST", "/links", wanted)["port"]))
        yield Telemetry(proxy, keeper, ends)
        keeper.end_faults()
        control(proxy, "DELETE", "/links/telemetry")


def test_datagrams_are_lost_and_doubled_and_each_is_undone_by_itself(telemetry: Telemetry) -> None:
    """In this order, so that what is lost is not doubled."""
    both = Schedule().at(0).lose("telemetry", rate="10 %").at(0.4).duplicate("telemetry", rate="20 %")
    record = telemetry.begin(both.at(0.8).slow("telemetry", latency="5 ms", jitter="5 ms"))
    assert record.evidence == "toxic loss was put on the datagrams of link telemetry, in both directions"
    seen = telemetry.ends.arrived(range(1000))
    assert likely(1000 - len(seen), 0.1, of=1000)
    assert likely(sum(count == 2 for count in seen.values()), 0.2, of=len(seen))
    assert max(seen.values()) == 2
    lost, doubled, late = telemetry.facts["toxics"]
    assert lost["met"] == 1000
    assert lost["had"] == 1000 - len(seen)
    assert doubled["met"] == len(seen)
    assert late["met"] == seen.total()
    assert [one.misfire for one in telemetry.keeper.end_faults()] == ["", "", ""]
    assert telemetry.ends.arrived(range(50)) == dict.fromkeys(range(50), 1)


def test_one_of_two_faults_on_datagrams_ends_first(telemetry: Telemetry) -> None:
    two = Schedule().at(0).lose("telemetry", rate="100 %", duration="300 ms").at(0).duplicate("telemetry", rate="100 %")
    telemetry.begin(two)
    assert telemetry.ends.arrived(range(5)) == {}
    assert eventually(lambda: len(telemetry.facts["toxics"]) == 1)
    assert telemetry.ends.arrived(range(5)) == dict.fromkeys(range(5), 2)
    lost, doubled = telemetry.keeper.end_faults()
    assert not lost.misfire
    assert not doubled.misfire
    assert telemetry.ends.arrived(range(5)) == dict.fromkeys(range(5), 1)


def test_what_touched_no_datagram_did_not_take_hold(telemetry: Telemetry) -> None:
    telemetry.begin(Schedule().at(0).lose("telemetry", rate="100 %", direction="downstream"))
    assert telemetry.ends.arrived(range(3)) == dict.fromkeys(range(3), 1)
    record = telemetry.end()
    assert not record.took_hold
    assert record.misfire.endswith("it did not take hold: it touched none of the 0 datagrams of link telemetry")


def test_a_datagram_that_is_held_is_overtaken(telemetry: Telemetry) -> None:
    telemetry.begin(Schedule().at(0).reorder("telemetry", rate="30 %", delay="100 ms"))
    for number in range(40):
        telemetry.ends.client.send(b"%d" % number)
    came = [int(telemetry.ends.server.recv(100)) for _ in range(40)]
    assert sorted(came) == list(range(40))
    assert came != sorted(came)
    assert not telemetry.end().misfire
