"""The frames: text in, checked values out, and the frames the server says. No input or output; time is passed in.

A frame is a JSON object ``{id, type, fromDeviceId, toDeviceId?, userId, payload, timestamp, priority 0-3, requiresAck,
retryCount?}``. The server sends ``device_register`` (its challenge), ``ack`` and ``error``, and relays the text of its
clients' frames as it came.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pytest_roo_load.ccs.errors import ApiError, CcsError
from pytest_roo_load.ccs.json_body import parse as parse_json

MAX_FRAME_BYTES = 16 * 1024 * 1024
TOO_BIG = "FRAME_TOO_BIG"
REGISTER, ACK, HEARTBEAT = "device_register", "ack", "heartbeat"
FILE_SYNC, PRESENCE = "file_sync", "presence"
# Which capability of a device says that it wants the server's own frames of a type.
_INTERESTS = {"supportsFileSync": FILE_SYNC, "supportsNotifications": PRESENCE}
RELAYED = frozenset(
    {
        ACK,
        HEARTBEAT,
        "user_message",
        "user_response",
        "device_status",
        "file_upload",
        "file_download",
        FILE_SYNC,
        "file_delete",
        "device_handoff",
        "task_start",
        "task_pause",
        "task_resume",
        "task_cancel",
        "task_status",
        "notification",
        "typing",
        PRESENCE,
    }
)
DEVICE_TYPES = ("mobile", "desktop", "extension")
_MAX_ID = 128
_PRIORITIES = range(4)


class FrameError(CcsError):
    """A frame that cannot be used; ``original_id`` is its id where it had one."""

    def __init__(self, code: str, message: str, original_id: str | None = None) -> None:
        self.code = code
        self.message = message
        self.original_id = original_id
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A client's frame; ``text`` is what is relayed."""

    id: str
    type: str
    user_id: str
    from_device: str
    to_device: str | None
    requires_ack: bool
    payload: Any
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Who a client claims to be, and of what it wants the server's own frames."""

    device_id: str
    user_id: str
    interests: frozenset[str] = frozenset()


def parse_frame(text: str | bytes) -> Frame:
    """Return a client's frame.

    Raises:
        FrameError: it is binary, too large, not JSON, not an object, or a field is missing or wrong.
    """
    if isinstance(text, bytes):
        raise FrameError("INVALID_FRAME", "Frames are text")
    body = text.encode()  # aiohttp has decoded it strictly
    if len(body) > MAX_FRAME_BYTES:
        raise FrameError(TOO_BIG, f"The frame is larger than {MAX_FRAME_BYTES} bytes")
    try:
        value = parse_json(body)
    except ApiError as error:
        raise FrameError("INVALID_FRAME", "The frame is not usable JSON") from error
    match value:
        case {"id": str(name), "type": str(kind), **rest} if 0 < len(name) <= _MAX_ID:
            return _frame(name, kind, rest, text)
        case _:
            raise FrameError("INVALID_FRAME", "A frame is an object with the texts id and type")


def _frame(name: str, kind: str, rest: Mapping[Any, Any], text: str) -> Frame:
    user, sender, receiver = rest.get("userId"), rest.get("fromDeviceId"), rest.get("toDeviceId")
    requires_ack, priority = rest.get("requiresAck", False), rest.get("priority", 1)
    if kind not in RELAYED and kind != REGISTER:
        raise FrameError("UNKNOWN_TYPE", "Unknown message type", name)
    if not isinstance(user, str) or not isinstance(sender, str):
        raise FrameError("INVALID_FRAME", "fromDeviceId and userId must be text", name)
    if receiver is not None and not isinstance(receiver, str):
        raise FrameError("INVALID_FRAME", "toDeviceId must be text", name)
    if not isinstance(requires_ack, bool):
        raise FrameError("INVALID_FRAME", "requiresAck must be true or false", name)
    if isinstance(priority, bool) or not isinstance(priority, int) or priority not in _PRIORITIES:
        raise FrameError("INVALID_FRAME", "priority must be 0, 1, 2 or 3", name)
    return Frame(
        id=name,
        type=kind,
        user_id=user,
        from_device=sender,
        to_device=receiver,
        requires_ack=requires_ack,
        payload=rest.get("payload"),
        text=text,
    )


def read_registration(frame: Frame) -> Registration:
    """Return who the ``device_register`` frame of a client claims to be.

    Raises:
        FrameError: the payload is not a registration.
    """
    match frame.payload:
        case {"id": str(device), "userId": str(user), "type": str(kind)} if kind in DEVICE_TYPES:
            return Registration(device_id=device, user_id=user, interests=_interests(frame.payload))
        case _:
            allowed = ", ".join(DEVICE_TYPES)
            raise FrameError("INVALID_FRAME", f"The payload needs id, userId and a type of {allowed}", frame.id)


def notice(kind: str, user_id: str, payload: str, now: datetime) -> str:
    """Return a frame of the server's own about ``user_id``; ``payload`` is JSON text."""
    return _text(kind, user_id, payload, now)


def challenge(now: datetime) -> str:
    """Return the server's first frame, which asks the client to register."""
    return _server_frame(REGISTER, {"message": "Register this device", "serverTime": _iso(now)}, now)


def registered(session_id: str, now: datetime) -> str:
    """Return the acknowledgement of a registration."""
    return _server_frame(ACK, {"status": "success", "sessionId": session_id, "serverTime": _iso(now)}, now)


def acknowledged(original_id: str, now: datetime, *, error: str | None = None) -> str:
    """Return the acknowledgement of a frame: delivered, or failed with a reason."""
    payload = {"originalMessageId": original_id, "status": "delivered" if error is None else "failed"}
    if error is not None:
        payload["error"] = error
    payload["deliveredAt"] = _iso(now)
    return _server_frame(ACK, payload, now)


def refused(error: FrameError, now: datetime) -> str:
    """Return the frame that tells a client what was wrong."""
    payload = {"error": error.message, "code": error.code}
    if error.original_id is not None:
        payload["originalMessageId"] = error.original_id
    return _server_frame("error", payload, now)


def _server_frame(kind: str, payload: Mapping[str, Any], now: datetime) -> str:
    # The ids of clients' frames went through the JSON parser's checks, so that they can be sent back.
    return _text(kind, "server", json.dumps(payload), now)


def _text(kind: str, user_id: str, payload: str, now: datetime) -> str:
    return (
        f'{{"id":"{uuid.uuid4()}","type":"{kind}","fromDeviceId":"server","userId":"{user_id}",'
        f'"payload":{payload},"timestamp":"{_iso(now)}","priority":1,"requiresAck":false}}'
    )


def _interests(registration: Mapping[str, Any]) -> frozenset[str]:
    capabilities = registration.get("capabilities")
    known = capabilities if isinstance(capabilities, dict) else {}
    return frozenset(kind for capability, kind in _INTERESTS.items() if known.get(capability) is True)


def _iso(now: datetime) -> str:
    return now.isoformat(timespec="milliseconds")
