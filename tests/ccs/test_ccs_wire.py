"""WebSocket frames: whatever is sent in whatever pieces arrives, and any bytes are messages or an error."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.ccs.websocket import wire
from pytest_roo_load.ccs.websocket.wire import MessageReader, WireError

LIMIT = 100_000
HANDSHAKE = {
    "Connection": "keep-alive, Upgrade",
    "Upgrade": "WebSocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def frame(kind: int, payload: bytes, *, last: bool = True, mask: bytes = b"\1\2\3\4") -> bytes:
    """Return a frame as a client sends it, built the slow way."""
    first = (0x80 if last else 0) | kind
    if len(payload) < 126:
        head = bytes((first, 0x80 | len(payload)))
    elif len(payload) < 2**16:
        head = struct.pack("!BBH", first, 0x80 | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(payload))
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def read_in_pieces(data: bytes, cuts: list[int], limit: int = LIMIT) -> list[wire.Message]:
    reader, found, start = MessageReader(limit), list[wire.Message](), 0
    for stop in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        found += reader.feed(data[start:stop])
        start = stop
    return found


@given(
    messages=st.lists(st.tuples(st.sampled_from([wire.TEXT, wire.BINARY]), st.binary(max_size=300)), max_size=6),
    mask=st.binary(min_size=4, max_size=4),
    cuts=st.lists(st.integers(0, 5000), max_size=8),
)
def test_messages_arrive_however_they_are_cut(messages: list[tuple[int, bytes]], mask: bytes, cuts: list[int]) -> None:
    data = b"".join(frame(kind, payload, mask=mask) for kind, payload in messages)
    assert read_in_pieces(data, cuts) == messages


@given(parts=st.lists(st.binary(max_size=50), min_size=1, max_size=6), cuts=st.lists(st.integers(0, 999), max_size=5))
def test_fragments_are_put_together_with_control_frames_between(parts: list[bytes], cuts: list[int]) -> None:
    data = b""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        data += frame(0 if number else wire.TEXT, part, last=last) + frame(wire.PING, b"x")
    found = read_in_pieces(data, cuts)
    assert [payload for kind, payload in found if kind == wire.TEXT] == [b"".join(parts)]
    assert [kind for kind, _ in found].count(wire.PING) == len(parts)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_every_length_is_read_and_written(size: int) -> None:
    payload = bytes(size)
    assert MessageReader(LIMIT).feed(frame(wire.TEXT, payload)) == [(wire.TEXT, payload)]
    written = wire.framed(wire.TEXT, payload)
    assert written.endswith(payload)
    assert len(written) - size == (2 if size < 126 else 4 if size < 65_536 else 10)


@given(size=st.integers(0, 300), wide=st.booleans())
def test_a_length_may_take_more_bytes_than_it_needs(size: int, *, wide: bool) -> None:
    payload = bytes(size)
    head = struct.pack("!BBQ", 0x81, 0xFF, size) if wide else struct.pack("!BBH", 0x81, 0xFE, size)
    assert MessageReader(LIMIT).feed(head + bytes(4) + payload) == [(wire.TEXT, payload)]


@given(size=st.integers(51, 400), cuts=st.lists(st.integers(0, 2000), max_size=6))
def test_what_is_too_large_is_told_once_and_dropped(size: int, cuts: list[int]) -> None:
    data = frame(wire.TEXT, b"a") + frame(wire.TEXT, bytes(size)) + frame(wire.TEXT, b"b")
    assert read_in_pieces(data, cuts, limit=50) == [(wire.TEXT, b"a"), (wire.TOO_BIG, b""), (wire.TEXT, b"b")]
    assert MessageReader(50).feed(frame(wire.TEXT, bytes(size))) == [(wire.TOO_BIG, b"")]


def test_fragments_are_too_large_together() -> None:
    data = b"".join(frame(0 if number else wire.TEXT, bytes(20), last=number == 2) for number in range(3))
    assert read_in_pieces(data, [], limit=50) == [(wire.TOO_BIG, b"")]


@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 999), max_size=4))
def test_any_bytes_are_messages_or_an_error(data: bytes, cuts: list[int]) -> None:
    try:
        found = read_in_pieces(data, cuts, limit=50)
    except WireError:
        return
    assert all(kind == wire.TOO_BIG or len(payload) <= 125 for kind, payload in found)


@pytest.mark.parametrize(
    "data",
    [
        b"\xc1\x80",  # a reserved bit
        b"\x83\x80",  # an unknown opcode
        b"\x81\x01a",  # no mask
        b"\x89\xfe\x00\x80",  # a large ping
        frame(wire.PING, b"", last=False),
        frame(0, b"a"),  # continues nothing
        frame(wire.TEXT, b"a", last=False) + frame(wire.TEXT, b"b"),
    ],
)
def test_a_broken_protocol_is_an_error(data: bytes) -> None:
    with pytest.raises(WireError):
        MessageReader(LIMIT).feed(data)


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"", 1005), (b"\x03", 1002), ((1000).to_bytes(2), 1000), ((4999).to_bytes(2) + b"x", 4999)]
    + [(code.to_bytes(2), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 5000, 65535)],
)
def test_a_close_is_answered_with_its_code_if_that_is_one(payload: bytes, code: int) -> None:
    assert wire.close_code(payload) == code
    assert wire.closing(code, "")[2:] == (b"" if code == 1005 else code.to_bytes(2))


def test_the_handshake_is_that_of_the_standard() -> None:
    assert wire.accepted_key(HANDSHAKE) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3
    for name, value in (
        ("Connection", "close"),
        ("Upgrade", "h2c"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Key", "short"),
        ("Sec-WebSocket-Key", "é"),
    ):
        assert wire.accepted_key(HANDSHAKE | {name: value}) is None


@given(mask=st.binary(min_size=4, max_size=4), payload=st.binary(max_size=400))
def test_a_mask_is_taken_away_in_either_way(mask: bytes, payload: bytes) -> None:
    plain = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    assert wire.by_numbers(mask, payload) == plain
    assert wire._unmasked(mask, payload) == plain
