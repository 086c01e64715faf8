from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.ccs.websocket import protocol
from pytest_roo_load.ccs.websocket.protocol import FrameError, parse_frame

NOW = protocol.stamp(datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC))
GOOD: dict[str, Any] = {"id": "1", "type": "typing", "fromDeviceId": "d", "userId": "u", "payload": {"a": 1}}


def test_a_frame_is_read_and_its_text_kept() -> None:
    data = json.dumps(GOOD | {"toDeviceId": "e", "requiresAck": True, "priority": 3, "retryCount": 2}).encode()
    frame = parse_frame(data)
    assert (frame.id, frame.type, frame.from_device, frame.user_id) == ("1", "typing", "d", "u")
    assert (frame.to_device, frame.requires_ack, frame.payload, frame.data) == ("e", True, {"a": 1}, data)
    assert frame.priority == protocol.CRITICAL


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": ""}, "INVALID_FRAME"),
        ({"id": "x" * 129}, "INVALID_FRAME"),
        ({"id": None}, "INVALID_FRAME"),
        ({"type": "error"}, "UNKNOWN_TYPE"),
        ({"type": 1}, "INVALID_FRAME"),
        ({"userId": None}, "INVALID_FRAME"),
        ({"fromDeviceId": 1}, "INVALID_FRAME"),
        ({"toDeviceId": []}, "INVALID_FRAME"),
        ({"requiresAck": 1}, "INVALID_FRAME"),
        ({"priority": 4}, "INVALID_FRAME"),
        ({"priority": -1}, "INVALID_FRAME"),
        ({"priority": True}, "INVALID_FRAME"),
        ({"priority": 1.0}, "INVALID_FRAME"),
    ],
)
def test_a_wrong_field_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(FrameError) as caught:
        parse_frame(json.dumps(GOOD | change).encode())
    assert caught.value.code == code


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists)


@given(data=st.binary() | st.text().map(lambda text: text.encode(errors="surrogatepass")))
def test_any_bytes_are_a_frame_error(data: bytes) -> None:
    with pytest.raises(FrameError):
        parse_frame(data)


@given(fields=st.dictionaries(st.sampled_from([*GOOD, "toDeviceId", "priority", "requiresAck"]), JSON))
def test_a_frame_with_any_fields_is_a_frame_or_a_frame_error(fields: dict[str, Any]) -> None:
    try:
        frame = parse_frame(json.dumps(GOOD | fields).encode())
    except FrameError:
        return
    assert isinstance(frame.id, str)
    assert frame.type in protocol.RELAYED
    assert frame.priority in range(4)


@pytest.mark.parametrize("text", ['"\\u0000"', '"\\ud800"', "[" * 500 + "]" * 500, "NaN", "1e999", '"\xff"'])
def test_what_cannot_be_stored_is_refused(text: str) -> None:
    data = json.dumps(GOOD | {"payload": 0}).replace('"payload": 0', f'"payload": {text}').encode("latin-1")
    with pytest.raises(FrameError):
        protocol.check_storable(parse_frame(data))


def test_a_registration_says_who() -> None:
    payload = {"id": "d", "userId": "u", "type": "mobile", "platform": "ios"}
    frame = parse_frame(json.dumps(GOOD | {"type": "device_register", "payload": payload}).encode())
    claimed = protocol.read_registration(frame)
    assert (claimed.device_id, claimed.user_id) == ("d", "u")
    unusable: list[Any] = [None, [], {}, payload | {"type": "toaster"}, payload | {"id": 1}]
    for wrong in unusable:
        with pytest.raises(FrameError):
            protocol.read_registration(parse_frame(json.dumps(GOOD | {"payload": wrong}).encode()))


def test_server_frames_have_the_form_of_the_contract() -> None:
    texts = [
        protocol.challenge(NOW),
        protocol.registered("s", NOW),
        protocol.acknowledged('odd "id" \\ é', NOW),
        protocol.acknowledged("x", NOW, error="nobody"),
        protocol.refused(FrameError("CODE", "why", "x"), NOW),
    ]
    frames = [json.loads(text) for text in texts]
    for frame in frames:
        assert {"id", "type", "fromDeviceId", "userId", "payload", "timestamp", "priority", "requiresAck"} == set(frame)
        assert frame["timestamp"] == "2026-01-02T03:04:05.678+00:00"
    assert [frame["type"] for frame in frames] == ["device_register", "ack", "ack", "ack", "error"]
    assert frames[1]["payload"] == {"status": "success", "sessionId": "s", "serverTime": frames[1]["timestamp"]}
    assert frames[2]["payload"]["originalMessageId"] == 'odd "id" \\ é'
    assert (frames[3]["payload"]["status"], frames[3]["payload"]["error"]) == ("failed", "nobody")
