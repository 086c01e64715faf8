from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.errors import ConnectionLost, UsageError
from pytest_roo_load.workloads.redis.connection import Address, Redis, Refusal, command
from pytest_roo_load.workloads.redis.keys import Draws, slot_of, zipf_shares
from pytest_roo_load.workloads.redis.part import value_of


@pytest.mark.parametrize(("key", "slot"), [(b"123456789", 0x31C3), (b"foo", 12182), (b"{user1000}.following", 3443)])
def test_slots_are_those_of_the_specification(key: bytes, slot: int) -> None:
    assert slot_of(key) == slot


def test_the_part_in_braces_decides_where_there_is_one() -> None:
    assert slot_of(b"foo{{bar}}zap") == slot_of(b"{bar")
    assert slot_of(b"foo{bar}{zap}") == slot_of(b"bar")
    assert slot_of(b"foo{}{bar}") != slot_of(b"bar")


@given(keys=st.integers(1, 5000), exponent=st.one_of(st.none(), st.floats(0.1, 3)), seed=st.integers(0, 2**60))
def test_draws_are_keys_and_the_same_for_the_same_seed(keys: int, exponent: float | None, seed: int) -> None:
    draws, again = Draws(keys, exponent, seed), Draws(keys, exponent, seed)

    drawn = [number for size in (1, 7, 5000, 3) for number in draws.take(size)]

    assert drawn == [number for size in (1, 7, 5000, 3) for number in again.take(size)]
    assert len(drawn) == 5011
    assert 0 <= min(drawn) <= max(drawn) < keys


def test_zipf_asks_for_the_first_key_as_often_as_its_share_says() -> None:
    counts = Counter(Draws(1000, 1.0, 1).take(200_000))

    for key in (0, 1, 9):
        share = zipf_shares(1000, 1.0)[key] - (zipf_shares(1000, 1.0)[key - 1] if key else 0)
        assert counts[key] / 200_000 == pytest.approx(share, rel=0.05)


@given(name=st.text(max_size=20), size=st.integers(1, 500))
def test_a_value_has_its_size_and_is_the_keys_own(name: str, size: int) -> None:
    assert len(value_of(name, size)) == size
    assert value_of(name, size) == value_of(name, size)


def test_a_command_is_encoded_as_the_protocol_says() -> None:
    assert command("SET", b"k", 12) == b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n12\r\n"


def test_an_address_hides_its_password_and_refuses_what_is_none() -> None:
    address = Address.of("rediss://me:s%40cret@cache:7000/3")

    assert (address.host, address.port, address.database, address.tls) == ("cache", 7000, 3, True)
    assert (address.user, address.password) == ("me", "s@cret")
    assert "cret" not in repr(address)
    with pytest.raises(UsageError, match="not the URL of a Redis"):
        Address.of("http://cache")


class Wire(asyncio.Transport):
    """Remembers what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def abort(self) -> None:
        self.written += b"aborted"


def answered(*pieces: bytes) -> list[Any]:
    """What three commands get when the server sends these bytes: of two in one piece, then of one."""

    async def talk() -> list[Any]:
        redis = Redis()
        redis.connection_made(Wire())
        both, one = redis.send(b"a" * 20, 2), redis.send(b"b")
        for piece in pieces:
            redis.data_received(piece)
        redis.connection_lost(None)
        return [future.exception() or future.result() for future in (both, one)]

    return asyncio.run(talk())


@given(cuts=st.sets(st.integers(1, 30)))
def test_answers_come_in_order_however_they_are_cut(cuts: set[int]) -> None:
    stream = b"$5\r\nhello\r\n-OOM no room\r\n:17\r\n"
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})

    (first, refusal), (number,) = answered(*(stream[a:b] for a, b in itertools.pairwise(edges)))

    assert (first, number) == (b"hello", 17)
    assert isinstance(refusal, Refusal)
    assert refusal.kind == "OOM"


def test_who_waits_hears_that_the_connection_is_lost() -> None:
    both, one = answered(b"+OK\r\n")

    assert isinstance(both, ConnectionLost)
    assert isinstance(one, ConnectionLost)
