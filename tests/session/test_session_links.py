"""Links that tests open: which there can be, what can be done to which, and where they lead."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_roo_load.core.faults.link_table import DATAGRAM_VERBS, LINK_VERBS, STREAM_VERBS
from pytest_roo_load.core.faults.schedule import Moment, Schedule
from pytest_roo_load.errors import ServiceError, UsageError
from pytest_roo_load.keeper.launch import DEFAULT_RECIPES
from pytest_roo_load.session.config import Config, read_config
from pytest_roo_load.session.links import OwnLinks

sys.path.insert(0, str(Path(__file__).parents[1] / "keeper"))
from keeper_lab import Run, eventually, listens, new_run

SERVER = "127.0.0.1:9"
SEED = 42
NEEDED: dict[str, dict[str, Any]] = {
    "slow": {"latency": "1 s"},
    "throttle": {"rate": "1 MB"},
    "lose": {"rate": "5 %"},
    "close_slowly": {"delay": "1 s"},
    "close_after": {"size": "1 KB"},
    "slice": {"size": "1 B"},
    "corrupt": {"rate": "1 %"},
    "duplicate": {"rate": "1 %"},
    "reorder": {"rate": "1 %"},
}


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with new_run(DEFAULT_RECIPES) as run:
        yield run


@pytest.fixture
def config(pytester: pytest.Pytester) -> Config:
    return read_config(pytester.parseconfig())


@pytest.fixture
def links(run: Run, config: Config) -> Iterator[OwnLinks]:
    links = OwnLinks(config, run.client(), None, SEED)
    yield links
    for name in list(links.known):
        links.close(name)


def tcp(links: OwnLinks, name: str = "shop", server: str = SERVER) -> Any:
    return links.open(name, server, datagrams=False, port=0)


def udp(links: OwnLinks, name: str = "telemetry") -> Any:
    return links.open(name, SERVER, datagrams=True, port=0)


def at() -> Moment:
    return Schedule().at(1)


def test_a_link_listens_until_it_is_closed(links: OwnLinks) -> None:
    link = tcp(links)
    assert listens(link.url)
    links.close("shop")
    assert not listens(link.url)
    assert tcp(links).name == "shop", "its name is free again"


def test_chance_on_links_is_seeded_by_the_run(run: Run, links: OwnLinks) -> None:
    links.proxy()
    (proxy,) = run.client().services()["links"].pids
    assert psutil.Process(proxy).cmdline()[-2:] == ["--seed", str(SEED)]


def test_a_link_for_datagrams_has_its_port_until_it_is_closed(links: OwnLinks) -> None:
    link = udp(links)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, pytest.raises(OSError, match="in use"):
        one.bind(link.address)
    links.close("telemetry")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(link.address)


def test_a_port_of_ones_choice(links: OwnLinks) -> None:
    port = tcp(links).port
    with pytest.raises(ServiceError, match=rf"the link other could not be made: .* the port is in use: {port}"):
        links.open("other", SERVER, datagrams=False, port=port)
    links.close("shop")
    assert links.open("other", SERVER, datagrams=False, port=port).port == port


def test_the_links_of_two_workers_do_not_meet(run: Run, config: Config, links: OwnLinks) -> None:
    others = OwnLinks(config, run.client(), "gw1", SEED)
    one, other = tcp(links), tcp(others)
    assert one.port != other.port
    assert others.known == {"shop": "gw1.shop"}
    others.close("shop")
    assert listens(one.url)


def test_a_link_of_a_proxy_that_was_started_again_is_gone(run: Run, links: OwnLinks) -> None:
    tcp(links)
    keeper = run.client()
    keeper.begin_faults(0.0, Schedule().at(0).restart("links").faults)
    assert eventually(lambda: keeper.faults()[0].evidence)
    keeper.end_faults()
    links.close("shop")
    assert not links.known


@pytest.mark.parametrize("verb", LINK_VERBS)
def test_what_can_be_done_to_which(links: OwnLinks, verb: str) -> None:
    tcp(links)
    udp(links)
    for name, verbs, kind in (("shop", STREAM_VERBS, "connections"), ("telemetry", DATAGRAM_VERBS, "datagrams")):
        schedule = getattr(at(), verb)(name, **NEEDED.get(verb, {}))
        if verb in verbs:
            links.check(schedule)
            continue
        with pytest.raises(UsageError, match=f"not to be done to the {kind} of link {name}: '{verb}'") as caught:
            links.check(schedule)
        assert caught.value.allowed == ", ".join(verbs)


def test_links_of_the_embedded_stack_have_connections(links: OwnLinks) -> None:
    links.check(at().slow("redis", latency="1 s").at(1).kill("nothing of links"))
    with pytest.raises(UsageError, match="not to be done to the connections of link redis: 'duplicate'"):
        links.check(at().duplicate("redis", rate="1 %"))


def test_a_link_that_is_not_open(links: OwnLinks) -> None:
    tcp(links)
    with pytest.raises(UsageError, match=r"argument faults: no such link: 'shpo' .*did you mean shop") as caught:
        links.check(at().slow("shpo", latency="1 s"))
    assert caught.value.allowed == "shop, ccs, postgres, redis"
    links.close("shop")
    with pytest.raises(UsageError, match=r"open it first: links.open"):
        links.check(at().slow("shop", latency="1 s"))


def test_datagrams_have_no_connections_to_choose_from(links: OwnLinks) -> None:
    udp(links)
    with pytest.raises(UsageError, match="link telemetry has no connections"):
        links.check(at().slow("telemetry", latency="1 s", probability="30 %"))


@pytest.mark.parametrize(
    ("name", "server", "told"),
    [
        ("", SERVER, "argument name: not a name for a link"),
        ("a b", SERVER, "argument name: not a name for a link: 'a b'"),
        (7, SERVER, "argument name: not a name for a link: 7"),
        ("redis", SERVER, "argument name: the embedded stack has a link of this name: 'redis'"),
        ("shop", SERVER, "argument name: there is such a link: 'shop'"),
        ("other", "nowhere", "argument server: not an address: 'nowhere'"),
        ("other", "192.0.2.1:80", "fixture links: other: load would leave this machine.*--roo-allow-remote 192.0.2.1"),
    ],
)
def test_what_is_refused(links: OwnLinks, name: Any, server: str, told: str) -> None:
    tcp(links)
    with pytest.raises(UsageError, match=told):
        tcp(links, name, server)
    assert list(links.known) == ["shop"]


def test_another_machine_with_permission(run: Run, config: Config) -> None:
    links = OwnLinks(replace(config, allow_remote=("192.0.2.1",)), run.client(), None, SEED)
    assert listens(tcp(links, "far", "192.0.2.1:80").url)
    links.close("far")


def test_who_is_behind_a_link(links: OwnLinks) -> None:
    link = tcp(links, server="http://127.0.0.1:9/x")
    assert links.behind(link.url) == "tcp://127.0.0.1:9"
    assert links.behind(f"http://127.0.0.1:{link.port}/elsewhere") == "tcp://127.0.0.1:9"
    assert links.behind("http://127.0.0.1:9/x") == "http://127.0.0.1:9/x"
