"""What becomes of datagrams, toxic by toxic, and of the same datagram with several toxics."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from pytest_roo_load.chaos.datagram_toxics import DATAGRAM_TOXICS, Placed, placed_of
from pytest_roo_load.chaos.datagrams import WEATHER, DatagramLink, Weather
from pytest_roo_load.chaos.toxics import make
from pytest_roo_load.errors import UsageError


def placed(kind: str, direction: str = "both", **settings: Any) -> Placed:
    return placed_of({"kind": kind, "direction": direction, "settings": settings}, "seed")[1]


def fates(toxic: Placed, direction: str = "upstream", count: int = 10_000) -> list[list[float]]:
    return [toxic.after([0.0], direction) for _ in range(count)]


@pytest.mark.parametrize(
    ("kind", "settings", "untouched", "touched"),
    [
        ("loss", {"rate": 0.1}, 0.9, []),
        ("loss", {"rate": 0.1, "burst": 4.0}, 0.9, []),
        ("duplicate", {"rate": 0.2}, 0.8, [0.0, 0.0]),
        ("reorder", {"rate": 0.3, "delay_s": 0.02}, 0.7, [0.02]),
        ("reorder", {"rate": 0.3}, 0.7, [0.05]),
    ],
)
def test_a_share_is_touched_and_counted(
    kind: str, settings: dict[str, Any], untouched: float, touched: list[float]
) -> None:
    toxic = placed(kind, **settings)
    found = fates(toxic)
    assert found.count([0.0]) / len(found) == pytest.approx(untouched, abs=0.02)
    assert all(fate in ([0.0], touched) for fate in found)
    assert (toxic.met, toxic.had) == (10_000, 10_000 - found.count([0.0]))


def test_losses_come_in_bursts() -> None:
    lost = "".join("x" if not fate else " " for fate in fates(placed("loss", rate=0.1, burst=4.0), count=50_000))
    bursts = lost.split()
    assert sum(map(len, bursts)) / len(bursts) == pytest.approx(4, abs=0.4)


def test_latency_has_jitter() -> None:
    delays = [delay for fate in fates(placed("latency", latency_s=0.2, jitter_s=0.05)) for delay in fate]
    assert 0.15 <= min(delays) < 0.16
    assert 0.24 < max(delays) <= 0.25
    assert fates(placed("latency", latency_s=0.2), count=1) == [[0.2]]


def test_one_direction_is_left_alone() -> None:
    toxic = placed("loss", "downstream", rate=1.0)
    assert fates(toxic, "upstream", count=3) == [[0.0]] * 3
    assert fates(toxic, "downstream", count=3) == [[]] * 3
    assert toxic.met == 3


def test_each_toxic_takes_what_the_one_before_it_leaves() -> None:
    twice, late, lost = placed("duplicate", rate=1.0), placed("latency", latency_s=0.1), placed("loss", rate=1.0)
    copies = late.after(twice.after([0.0], "upstream"), "upstream")
    assert copies == [0.1, 0.1]
    assert placed("duplicate", rate=1.0).after(copies, "upstream") == [0.1] * 4
    assert twice.after(lost.after([0.0], "upstream"), "upstream") == []
    assert (late.met, late.had) == (2, 2)


def test_the_weather_is_one_of_the_toxics_of_a_link() -> None:
    link = DatagramLink("it", ("127.0.0.1", 1), seed=1)
    link.add({"kind": "duplicate", "settings": {"rate": 1.0}})
    link.weather = Weather(latency_s=0.5)
    assert list(link.toxics) == ["duplicate", WEATHER]
    assert link.facts()["weather"]["latency_s"] == 0.5
    link.weather = Weather()
    assert list(link.toxics) == ["duplicate"]
    link.weather = Weather(loss=1.0)
    link.remove(WEATHER)
    assert link.weather == Weather()
    link.heal()
    assert not link.toxics


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"kind": "bandwidth"}, "no such toxic: 'bandwidth' .*loss, latency, duplicate, reorder"),
        ({"kind": "duplicate", "settings": {"rate": 1.1}}, "rate of duplicate is out of range"),
        ({"kind": "reorder", "settings": {}}, "reorder needs a setting: 'rate'"),
        ({"kind": "loss", "settings": {"rate": 1, "burst": 0}}, "burst of loss is out of range"),
        ({"kind": "loss", "settings": {"rate": 1}, "direction": "up"}, "no such direction: 'up'"),
        ({"kind": "loss", "settings": {"rate": 1}, "probability": 0.5}, "probability is for connections"),
    ],
)
def test_what_is_refused(data: Mapping[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        placed_of(data, "seed")


def test_ids_are_taken_once() -> None:
    link = DatagramLink("it", ("127.0.0.1", 1), seed=1)
    link.add({"kind": "loss", "settings": {"rate": 1}})
    with pytest.raises(UsageError, match="the link has such a toxic"):
        link.add({"kind": "loss", "settings": {"rate": 1}})
    with pytest.raises(UsageError, match=r"no such toxic: 'latency' .*loss"):
        link.remove("latency")


@pytest.mark.parametrize("kind", DATAGRAM_TOXICS)
def test_the_same_seed_gives_the_same_fates(kind: str) -> None:
    toxic = make(DATAGRAM_TOXICS, kind, {"latency_s": 0.1, "jitter_s": 0.1} if kind == "latency" else {"rate": 0.5})
    first, second = ([draw() for _ in range(100)] for draw in (toxic.draw(Random(7)), toxic.draw(Random(7))))
    assert first == second
