"""Each toxic by itself, on a clock that jumps."""

from __future__ import annotations

import math
import statistics
from random import Random
from typing import Any

import pytest
from chaos_lab import Trial, joined
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.chaos.stage import Toxic
from pytest_roo_load.chaos.toxics import TOXICS, make_toxic
from pytest_roo_load.chaos.toxics.bandwidth import Bandwidth
from pytest_roo_load.chaos.toxics.ending import LimitData, Reset, SlowClose
from pytest_roo_load.chaos.toxics.latency import Latency
from pytest_roo_load.chaos.toxics.loss import PACKET, Burst, Loss
from pytest_roo_load.chaos.toxics.shape import Corruption, Slicer
from pytest_roo_load.chaos.toxics.silence import Partition, Timeout
from pytest_roo_load.errors import UsageError

EVERY_SECOND = [(float(t), b"%d" % t) for t in range(4000)]
HARMLESS: dict[str, Toxic] = {
    "latency": Latency(latency_s=0.2, jitter_s=0.1),
    "bandwidth": Bandwidth(rate=1000),
    "loss": Loss(rate=0.3, burst=3),
    "slow close": SlowClose(delay_s=2),
    "slicer": Slicer(size=3, variation=2, delay_s=0.01),
    "corruption of nothing": Corruption(rate=0),
    "a limit that is not reached": LimitData(limit=10**9),
}


def test_latency_with_jitter() -> None:
    came = Trial(Latency(latency_s=0.2, jitter_s=0.05)).run(EVERY_SECOND, end=False)
    delays = [at - sent for (at, _), (sent, _) in zip(came, EVERY_SECOND, strict=True)]
    assert 0.15 <= min(delays) < 0.152
    assert 0.248 < max(delays) <= 0.25
    assert statistics.mean(delays) == pytest.approx(0.2, rel=0.02)
    assert statistics.stdev(delays) == pytest.approx(0.1 / math.sqrt(12), rel=0.05)


def test_latency_does_not_limit_throughput_and_keeps_the_order() -> None:
    sent = [(t / 1000, b"%04d" % t) for t in range(1000)]
    came = Trial(Latency(latency_s=0.5, jitter_s=0.4)).run(sent)
    assert joined(came) == joined(sent)
    assert came[-1][0] < 2


@pytest.mark.parametrize("size", [1, 1000, 5_000_000])
def test_bandwidth(size: int) -> None:
    came = Trial(Bandwidth(rate=1e6)).run([(0, bytes(size))])
    assert len(joined(came)) == size
    assert came[-1][0] == pytest.approx(size / 1e6, rel=1e-6)


def test_a_line_that_was_idle_has_not_saved_anything() -> None:
    came = Trial(Bandwidth(rate=1000)).run([(0, bytes(500)), (60, bytes(500))])
    assert came[-1][0] == pytest.approx(60.5)


def test_loss_delays_as_many_packets_as_it_should() -> None:
    came = Trial(Loss(rate=0.05)).run([(t * 10.0, b"x") for t in range(20_000)], end=False)
    delays = [at - t * 10.0 for t, (at, _) in enumerate(came)]
    lost = sum(delay > 0.19 for delay in delays)
    half = 3.3 * math.sqrt(0.05 * 0.95 * 20_000)  # 99.9 %
    assert abs(lost - 0.05 * 20_000) < half
    twice = sum(delay > 0.59 for delay in delays)
    assert abs(twice - 0.0025 * 20_000) < 3.3 * math.sqrt(0.0025 * 20_000)
    assert {round(delay, 3) for delay in delays} <= {0, 0.2, 0.6, 1.4, 3.0, 6.2}


def test_a_chunk_of_several_packets_is_hit_by_each() -> None:
    came = Trial(Loss(rate=0.05)).run([(t * 100.0, bytes(10 * PACKET)) for t in range(4000)], end=False)
    hit = sum(at - t * 100.0 > 0.1 for t, (at, _) in enumerate(came)) / 4000
    assert hit == pytest.approx(1 - 0.95**10, abs=0.03)


@pytest.mark.parametrize(("rate", "burst"), [(0.05, 1.0), (0.05, 4.0), (0.3, 10.0)])
def test_bursts_have_their_rate_and_their_length(rate: float, burst: float) -> None:
    channel = Burst(rate, burst, Random(3))
    lost = [channel.loses() for _ in range(300_000)]
    begins = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    assert sum(lost) / len(lost) == pytest.approx(rate, rel=0.06)
    expected = burst if burst > 1 else 1 / (1 - rate)
    assert sum(lost) / begins == pytest.approx(expected, rel=0.06)


def test_all_is_lost_is_not_for_ever() -> None:
    assert joined(Trial(Loss(rate=1.0)).run([(0, b"x")])) == b"x"


def test_timeout_holds_everything_and_closes() -> None:
    trial = Trial(Timeout(after_s=3))
    assert trial.run([(0, b"x"), (1, b"y")], end=False, until=10) == []
    assert trial.ends.done == [("close", 3)]


@pytest.mark.parametrize("toxic", [Timeout(after_s=0), Timeout(after_s=60), Partition(), Reset(after_s=60)])
def test_what_was_held_is_there_when_the_toxic_is_taken_away(toxic: Toxic) -> None:
    trial = Trial(toxic)
    assert trial.run([(0, b"x"), (1, b"y")], end=False, until=10) == []
    assert trial.left == [b"x", b"y"]
    assert trial.ends.done == []


def test_reset() -> None:
    trial = Trial(Reset(after_s=2))
    assert trial.run([(0, b"x")], end=False, until=10) == []
    assert trial.ends.done == [("reset", 2)]


def test_slow_close_delays_the_end_alone() -> None:
    assert Trial(SlowClose(delay_s=5)).run([(1, b"x")]) == [(1, b"x"), (6, b"")]


def test_limit_of_data() -> None:
    trial = Trial(LimitData(limit=5))
    assert trial.run([(0, b"abc"), (1, b"defg"), (2, b"h")]) == [(0, b"abc"), (1, b"de"), (1, b"")]
    assert trial.closes


def test_a_limit_counts_on_when_the_stage_is_made_anew() -> None:
    state: dict[str, Any] = {}
    Trial(LimitData(limit=5), state=state).run([(0, b"abc")], end=False, until=1)
    assert joined(Trial(LimitData(limit=5), state=state).run([(0, b"defg")])) == b"de"


def test_slicer() -> None:
    came = Trial(Slicer(size=2, delay_s=0.5)).run([(0, b"abcde")], end=False)
    assert came == [(0, b"ab"), (0.5, b"cd"), (1.0, b"e")]


def test_slices_vary_around_their_size() -> None:
    sizes = [len(data) for _, data in Trial(Slicer(size=10, variation=4)).run([(0, bytes(10_000))], end=False)][:-1]
    assert (min(sizes), max(sizes)) == (6, 14)
    assert statistics.mean(sizes) == pytest.approx(10, abs=0.4)


def test_corruption_flips_one_bit_in_as_many_bytes_as_it_should() -> None:
    came = joined(Trial(Corruption(rate=0.01)).run([(0, bytes(1000))] * 200, end=False))
    changed = [byte for byte in came if byte]
    assert len(came) == 200_000
    assert abs(len(changed) - 2000) < 3.3 * math.sqrt(2000)
    assert {byte.bit_count() for byte in changed} == {1}
    assert len(set(changed)) == 8


def test_all_is_corrupted() -> None:
    assert all(joined(Trial(Corruption(rate=1)).run([(0, bytes(100))], end=False)))


@pytest.mark.parametrize("kind", HARMLESS)
def test_the_same_seed_gives_the_same(kind: str) -> None:
    sent = [(t / 10, bytes(50)) for t in range(50)]
    assert Trial(HARMLESS[kind], seed=7).run(sent) == Trial(HARMLESS[kind], seed=7).run(sent)


chunks = st.lists(st.tuples(st.floats(0, 5), st.binary(min_size=1, max_size=4000)), min_size=1, max_size=8).map(sorted)


@pytest.mark.parametrize("kind", HARMLESS)
@given(sent=chunks, until=st.none() | st.floats(0, 10), seed=st.integers(0, 3))
def test_no_byte_is_lost_unless_that_is_the_fault(
    kind: str, sent: list[tuple[float, bytes]], until: float | None, seed: int
) -> None:
    """Also when the toxic is taken away in the middle: what came through and what is left are everything, in order."""
    trial = Trial(HARMLESS[kind], seed=seed)
    sent = [(float(place), data) for place, (_, data) in enumerate(sent)]
    came = trial.run(sent, until=until)
    everything = joined(sent)
    assert everything.startswith(joined(came) + b"".join(trial.left))
    if until is None:
        assert joined(came) == everything


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        ("lightning", {}, "no such toxic: 'lightning'"),
        ("latency", {}, "latency needs a setting: 'latency_s'"),
        ("latency", {"seconds": 1}, "latency has no such setting: 'seconds'"),
        ("latency", {"latency_s": -1}, "latency_s of latency is out of range"),
        ("latency", {"latency_s": "1 s"}, "latency_s of latency is out of range"),
        ("latency", {"latency_s": True}, "latency_s of latency is out of range"),
        ("loss", {"rate": 1.5}, "rate of loss is out of range"),
        ("bandwidth", {"rate": 0}, "rate of bandwidth is out of range"),
    ],
)
def test_what_cannot_be_made(kind: str, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        make_toxic(kind, settings)


def test_every_toxic_is_in_a_test_of_this_module() -> None:
    tried = {type(toxic) for toxic in HARMLESS.values()} | {Timeout, Partition, Reset}
    assert tried == set(TOXICS.values())
