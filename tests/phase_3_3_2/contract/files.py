"""Files: sent in chunks, kept bit for bit, agreed on between devices."""

from __future__ import annotations

import hashlib
import random
import uuid
from typing import Any

import aiohttp

from .visit import Answer, Person, Visit

_KIB = 1024
_BYTES = {"Content-Type": "application/octet-stream"}


async def a_file_comes_back_bit_for_bit(visit: Visit) -> None:
    """What is downloaded is what was uploaded in forms, also when its size does not divide evenly into chunks."""
    person = await visit.person()
    for size in (1, 2 * _KIB * _KIB + 500 * _KIB + 7):
        content = random.Random(size).randbytes(size)
        upload = await _start(visit, person, content)
        for number in range(upload["total_chunks"]):
            done = await _send_form(visit, person, upload, number, content)
        assert done["status"] == "completed", done
        assert done["uploaded_bytes"] == done["total_bytes"] == size, done
        await _expect(visit, person, done.get("file_id") or upload["session_id"], content)


async def raw_chunks_do_as_well(visit: Visit) -> None:
    """PUT .../chunks/:n with the bytes alone makes the same file in any order; a repeated chunk changes nothing."""
    person = await visit.person()
    content = random.Random(1).randbytes(2 * _KIB * _KIB)
    upload = await _start(visit, person, content)
    for number in (1, 1, 0):
        done = (await _send_raw(visit, person, upload, number, content)).must_be(200).data
    assert done["status"] == "completed", done
    await _expect(visit, person, done.get("file_id") or upload["session_id"], content)


async def an_upload_tells_what_is_missing(visit: Visit) -> None:
    """GET /files/upload/:session lists the missing chunks, so that an upload goes on after a cut."""
    person = await visit.person()
    content = random.Random(2).randbytes(2 * _KIB * _KIB)
    upload = await _start(visit, person, content)
    await _send_form(visit, person, upload, 1, content)
    state = (await visit.ask("GET", f"/files/upload/{upload['session_id']}", by=person)).must_be(200).data
    assert state["missing_chunks"] == [0], state
    assert state["status"] == "uploading", state


async def content_that_is_not_what_was_announced_is_not_completed(visit: Visit) -> None:
    """An upload whose SHA-256 is another than announced never becomes a file."""
    person = await visit.person()
    content = random.Random(3).randbytes(3 * _KIB)
    upload = await _start(visit, person, content, sha256=hashlib.sha256(b"other").hexdigest())
    answer = await _send_form_anyway(visit, person, upload, 0, content)
    if answer.status == 200:
        assert answer.data["status"] != "completed", answer.text[:300]
    else:
        assert 400 <= answer.status < 500, f"status {answer.status}"


async def a_part_of_a_file_is_sent_on_request(visit: Visit) -> None:
    """GET .../download with Range answers 206 with these bytes, and ETag is the SHA-256."""
    person = await visit.person()
    content = random.Random(4).randbytes(10 * _KIB)
    path = f"/files/{await _upload(visit, person, content)}/download"
    part = (await visit.ask("GET", path, by=person, headers={"Range": "bytes=100-199"})).must_be(206)
    assert part.body == content[100:200], "the part is not the one that was asked for"
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(content)}", dict(part.headers)
    assert hashlib.sha256(content).hexdigest() in part.headers.get("ETag", ""), dict(part.headers)


async def files_are_their_users_alone(visit: Visit) -> None:
    """Another user neither downloads a file nor sends chunks to an upload."""
    person, stranger = await visit.person(), await visit.person(1)
    content = random.Random(5).randbytes(_KIB)
    file_id = await _upload(visit, person, content)
    answer = await visit.ask("GET", f"/files/{file_id}/download", by=stranger)
    assert content not in answer.body, "a stranger downloads the file"
    answer.must_be((403, 404))
    upload = await _start(visit, person, content)
    (await _send_form_anyway(visit, stranger, upload, 0, content)).must_be((403, 404))


async def changes_of_files_reach_other_devices(visit: Visit) -> None:
    """A version that one device offers is among the changes that another asks for."""
    person = await visit.person()
    path, version = f"{uuid.uuid4().hex}.txt", _version("one")
    before = (await visit.ask("GET", "/files/sync", by=person)).must_be(200).data["cursor"]
    (await visit.ask("POST", "/files/sync", {"path": path} | version, by=person)).must_be(200)
    data = (await visit.ask("GET", f"/files/sync?since={before}", by=person)).must_be(200).data
    assert [(change["path"], change["hash"]) for change in data["changes"]] == [(path, version["hash"])], data


async def two_versions_of_one_base_are_a_conflict(visit: Visit) -> None:
    """A version whose base is not the current one is answered 409 with both versions, and replaces nothing."""
    person = await visit.person()
    path = f"{uuid.uuid4().hex}.txt"
    first, mine, yours = _version("first"), _version("mine"), _version("yours")
    for version, base in ((first, None), (mine, first)):
        body = {"path": path} | version | ({} if base is None else {"base_hash": base["hash"]})
        (await visit.ask("POST", "/files/sync", body, by=person)).must_be(200)
    late = {"path": path, "base_hash": first["hash"]} | yours
    answer = (await visit.ask("POST", "/files/sync", late, by=person)).must_be(409)
    assert {mine["hash"], yours["hash"]} <= set(_texts(answer.json())), answer.text[:300]


def _version(text: str) -> dict[str, Any]:
    return {"hash": hashlib.sha256(text.encode()).hexdigest(), "size": len(text)}


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    return [value] if isinstance(value, str) else []


async def _start(visit: Visit, person: Person, content: bytes, sha256: str | None = None) -> Any:
    body = {
        "filename": f"{uuid.uuid4().hex}.bin",
        "mime_type": "application/octet-stream",
        "size": len(content),
        "sha256": sha256 or hashlib.sha256(content).hexdigest(),
    }
    return (await visit.ask("POST", "/files/upload/start", body, by=person)).must_be(201).data


async def _upload(visit: Visit, person: Person, content: bytes) -> str:
    """A small file's id."""
    upload = await _start(visit, person, content)
    done = await _send_form(visit, person, upload, 0, content)
    return str(done.get("file_id") or upload["session_id"])


async def _send_form(visit: Visit, person: Person, upload: Any, number: int, content: bytes) -> Any:
    return (await _send_form_anyway(visit, person, upload, number, content)).must_be(200).data


async def _send_form_anyway(visit: Visit, person: Person, upload: Any, number: int, content: bytes) -> Answer:
    form = aiohttp.FormData({"chunkNumber": str(number)})
    form.add_field("chunk", _chunk(upload, number, content), filename="chunk")
    return await visit.ask("POST", f"/files/upload/{upload['session_id']}/chunk", by=person, data=form)


async def _send_raw(visit: Visit, person: Person, upload: Any, number: int, content: bytes) -> Answer:
    path = f"/files/upload/{upload['session_id']}/chunks/{number}"
    return await visit.ask("PUT", path, by=person, data=_chunk(upload, number, content), headers=_BYTES)


def _chunk(upload: Any, number: int, content: bytes) -> bytes:
    size = upload["chunk_size"]
    return content[number * size : (number + 1) * size]


async def _expect(visit: Visit, person: Person, file_id: str, content: bytes) -> None:
    answer = (await visit.ask("GET", f"/files/{file_id}/download", by=person)).must_be(200)
    assert len(answer.body) == len(content), f"{len(answer.body)} bytes came back of {len(content)}"
    assert answer.body == content, "other bytes came back"


STATEMENTS = (
    a_file_comes_back_bit_for_bit,
    raw_chunks_do_as_well,
    an_upload_tells_what_is_missing,
    content_that_is_not_what_was_announced_is_not_completed,
    a_part_of_a_file_is_sent_on_request,
    files_are_their_users_alone,
    changes_of_files_reach_other_devices,
    two_versions_of_one_base_are_a_conflict,
)
