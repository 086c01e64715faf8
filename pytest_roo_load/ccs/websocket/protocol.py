"""The frames: text in, checked values out, and the frames the server says. No input or output; time is passed in.

A frame is a JSON object ``{id, type, fromDeviceId, toDeviceId?, userId, payload, timestamp, priority 0-3, requiresAck,
retryCount?}``. The server sends ``device_register`` (its challenge), ``ack`` and ``error``, and relays the text of its
clients' frames as it came.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from pytest_roo_load.ccs.errors import ApiError, CcsError
from pytest_roo_load.ccs.json_body import parse as parse_json

MAX_FRAME_BYTES = 16 * 1024 * 1024
TOO_BIG = "FRAME_TOO_BIG"
REGISTER, ACK, HEARTBEAT = "device_register", "ack", "heartbeat"
FILE_SYNC, PRESENCE, TYPING, HANDOFF = "file_sync", "presence", "typing", "device_handoff"
# What is said of the moment; everything else waits for a device that is not connected.
FLEETING = frozenset({ACK, HEARTBEAT, PRESENCE, TYPING, "device_status"})
SERVER = "server"  # in place of a device and a user
LOW, NORMAL, HIGH, CRITICAL = range(4)
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
        HANDOFF,
        "task_start",
        "task_pause",
        "task_resume",
        "task_cancel",
        "task_status",
        "notification",
        TYPING,
        PRESENCE,
    }
)
DEVICE_TYPES = ("mobile", "desktop", "extension")
_MAX_ID = 128
_PRIORITIES = range(4)
_TYPES = RELAYED | {REGISTER}
_always = itemgetter("id", "type", "userId", "fromDeviceId")
_tuple = tuple.__new__  # a named tuple's own way of making one takes four times as long
# Version 4 in form, unique in number: drawing 16 random bytes for every acknowledgement costs as much as sending it.
_ID_PREFIX = str(uuid.uuid4())[:24]
_numbers = itertools.count(1)
_ACK_BEGINS = f'{{"id":"{_ID_PREFIX}'.encode()
_ACK_OF = f'","type":"ack","fromDeviceId":"{SERVER}","userId":"{SERVER}","payload":{{"originalMessageId":'.encode()


class FrameError(CcsError):
    """A frame that cannot be used; ``original_id`` is its id where it had one."""

    def __init__(self, code: str, message: str, original_id: str | None = None) -> None:
        self.code = code
        self.message = message
        self.original_id = original_id
        super().__init__(f"{code}: {message}")


class Frame(NamedTuple):
    """A client's frame; ``data`` is what is relayed. A tuple, because one is made for every message."""

    id: str
    type: str
    user_id: str
    from_device: str
    to_device: str | None
    requires_ack: bool
    payload: Any
    data: bytes
    priority: int = NORMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Who a client claims to be, and of what it wants the server's own frames."""

    device_id: str
    user_id: str
    interests: frozenset[str] = frozenset()


def parse_frame(data: bytes) -> Frame:
    """Return a client's frame.

    Raises:
        FrameError: it is not JSON, not an object, or a field is missing or wrong.
    """
    try:
        value = orjson.loads(data)
        name, kind, user, sender = _always(value)
    except KeyError:
        raise _problem(value) from None
    except (orjson.JSONDecodeError, TypeError) as error:
        raise FrameError("INVALID_FRAME", "A frame is a JSON object") from error
    get = value.get
    receiver, requires_ack, priority = get("toDeviceId"), get("requiresAck", False), get("priority", NORMAL)
    if (
        type(name) is type(kind) is type(user) is type(sender) is str
        and (receiver is None or type(receiver) is str)
        and type(requires_ack) is bool
        and type(priority) is int
        and priority in _PRIORITIES
        and kind in _TYPES
        and 0 < len(name) <= _MAX_ID
        and "\0" not in name
    ):
        return _tuple(Frame, (name, kind, user, sender, receiver, requires_ack, get("payload"), data, priority))
    raise _problem(value)


def _problem(value: Mapping[str, Any]) -> FrameError:
    """Return what is wrong with the fields of a frame."""
    name, kind, receiver = value.get("id"), value.get("type"), value.get("toDeviceId")
    if not isinstance(name, str) or not isinstance(kind, str) or not 0 < len(name) <= _MAX_ID or "\0" in name:
        return FrameError("INVALID_FRAME", "A frame is an object with the texts id and type")
    if kind not in _TYPES:
        return FrameError("UNKNOWN_TYPE", "Unknown message type", name)
    if not isinstance(value.get("userId"), str) or not isinstance(value.get("fromDeviceId"), str):
        return FrameError("INVALID_FRAME", "fromDeviceId and userId must be text", name)
    if receiver is not None and not isinstance(receiver, str):
        return FrameError("INVALID_FRAME", "toDeviceId must be text", name)
    if not isinstance(value.get("requiresAck", False), bool):
        return FrameError("INVALID_FRAME", "requiresAck must be true or false", name)
    return FrameError("INVALID_FRAME", "priority must be 0, 1, 2 or 3", name)


def check_storable(frame: Frame) -> None:
    """Check that a frame has nothing that the database cannot take; only what the server itself keeps needs that.

    Raises:
        FrameError: it has.
    """
    try:
        parse_json(frame.data)
    except ApiError as error:
        raise FrameError("INVALID_FRAME", "The frame has what cannot be stored", frame.id) from error


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


def stamp(now: datetime) -> str:
    """Return a time as frames have it; what follows takes such texts."""
    return now.isoformat(timespec="milliseconds")


def notice(kind: str, user_id: str, payload: str, at: str) -> bytes:
    """Return a frame of the server's own about ``user_id``; ``payload`` is JSON text."""
    return _frame(kind, user_id, payload, at)


def challenge(at: str) -> bytes:
    """Return the server's first frame, which asks the client to register."""
    return _frame(REGISTER, SERVER, f'{{"message":"Register this device","serverTime":"{at}"}}', at)


def registered(session_id: str, at: str) -> bytes:
    """Return the acknowledgement of a registration."""
    return _frame(ACK, SERVER, f'{{"status":"success","sessionId":"{session_id}","serverTime":"{at}"}}', at)


def acknowledged(original_id: str, at: str, *, status: str = "delivered", error: str | None = None) -> bytes:
    """Return the acknowledgement of a frame: delivered, queued, or failed because of an ``error``."""
    original = orjson.dumps(original_id)
    return b"%b%012x%b%b%b" % (_ACK_BEGINS, next(_numbers), _ACK_OF, original, _outcome(status, error, at))


@lru_cache(maxsize=64)
def _outcome(status: str, error: str | None, at: str) -> bytes:
    """How an acknowledgement ends: the same for all in a millisecond."""
    outcome = f'"{status}"' if error is None else f'"failed","error":{_quoted(error)}'
    ends = f'"timestamp":"{at}","priority":1,"requiresAck":false}}'
    return f',"status":{outcome},"deliveredAt":"{at}"}},{ends}'.encode()


def refused(error: FrameError, at: str) -> bytes:
    """Return the frame that tells a client what was wrong."""
    original = "" if error.original_id is None else f',"originalMessageId":{_quoted(error.original_id)}'
    return _frame("error", SERVER, f'{{"error":{_quoted(error.message)},"code":"{error.code}"{original}}}', at)


def _frame(kind: str, user_id: str, payload: str, at: str) -> bytes:
    return (
        f'{{"id":"{_ID_PREFIX}{next(_numbers):012x}","type":"{kind}","fromDeviceId":"{SERVER}","userId":"{user_id}",'
        f'"payload":{payload},"timestamp":"{at}","priority":1,"requiresAck":false}}'
    ).encode()


def _quoted(text: str) -> str:
    # The ids of clients' frames went through the parser's checks, so that they can be sent back.
    return orjson.dumps(text).decode()


def _interests(registration: Mapping[str, Any]) -> frozenset[str]:
    capabilities = registration.get("capabilities")
    known = capabilities if isinstance(capabilities, dict) else {}
    return frozenset(kind for capability, kind in _INTERESTS.items() if known.get(capability) is True)
