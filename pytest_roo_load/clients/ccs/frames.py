"""The frames of the CCS's WebSocket, as a client reads and writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

from pytest_roo_load.clients.websocket.connection import Message

__all__ = ["REGISTRATION", "Frame", "frame_of", "key_of", "new_frame", "refusal"]

Frame = dict[str, Any]
REGISTRATION = "registration"


def new_frame(random: Random, sender: Mapping[str, str], kind: str, payload: Any, to: str | None = None) -> Frame:
    """A frame from a device.

    Args:
        random: Draws its id.
        sender: `fromDeviceId` and `userId`.
        kind: Its type.
        payload: What it says.
        to: The device it is for; None for all others of the user.
    """
    frame = {
        "id": str(UUID(int=random.getrandbits(128), version=4)),
        "type": kind,
        **sender,
        "payload": payload,
        "timestamp": datetime.now(UTC).isoformat(),
        "priority": 1,
        "requiresAck": False,
    }
    return frame if to is None else frame | {"toDeviceId": to}


def frame_of(message: Message) -> Frame:
    """A message as a frame.

    Raises:
        ValueError: It is none.
    """
    frame = json.loads(message)
    if not isinstance(frame, dict):
        raise ValueError(f"not a frame: {message!r:.200}")  # noqa: TRY004 - bad bytes from outside, not a caller's mistake
    return frame


def key_of(message: Message) -> str | None:
    """The id of the message that an `ack` or `error` answers; the one of the registration carries none."""
    frame = frame_of(message)
    if frame.get("type") not in {"ack", "error"}:
        return None
    payload = frame.get("payload") or {}
    original = payload.get("originalMessageId")
    return str(original) if original and "sessionId" not in payload else REGISTRATION


def refusal(message: Message) -> str | None:
    """What is wrong with an answer; None when nothing is."""
    frame = frame_of(message)
    if frame["type"] == "error" or (frame.get("payload") or {}).get("status") == "failed":
        return f"refused: {json.dumps(frame.get('payload'))[:300]}"
    return None
