"""The running server's files: uploads in chunks, downloads in parts."""

from __future__ import annotations

import asyncio
import hashlib
import random
import uuid
from typing import Any

import aiohttp
from ccs_lab import API, Answer, Person, new_person, visit

MIB = 1024 * 1024


def some_bytes(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def begin(person: Person, content: bytes, **fields: Any) -> Any:
    form = {"filename": "a.bin", "mime_type": "application/octet-stream", "size": len(content)} | fields
    answer = await person.api.post("/files/upload/start", form)
    assert answer.status == 201, answer
    return answer.data


async def put(person: Person, session: str, number: int, content: bytes) -> Answer:
    where = f"/files/upload/{session}/chunks/{number}"
    return await person.api.call("PUT", where, data=content[number * MIB : (number + 1) * MIB])


async def upload(person: Person, content: bytes, **fields: Any) -> str:
    started = await begin(person, content, **fields)
    for number in range(started["total_chunks"]):
        assert (await put(person, started["session_id"], number, content)).status == 200
    return str(started["session_id"])


async def fetch(person: Person, file_id: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
    url = f"{person.api.url}{API}/files/{file_id}/download"
    headers["Authorization"] = f"Bearer {person.api.token}"
    async with person.api.http.get(url, headers=headers) as response:
        return response, await response.read()


def test_a_file_arrives_in_any_order_and_is_sent_whole_and_in_parts(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            content = some_bytes(3 * MIB + 77_777)
            started = await begin(person, content, sha256=digest(content), filename="größe.bin", mime_type="text/plain")
            assert (started["chunk_size"], started["total_chunks"], started["status"]) == (MIB, 4, "uploading")
            session = started["session_id"]
            first = await put(person, session, 3, content)
            assert first.data["uploaded_bytes"] == 77_777
            assert (await put(person, session, 3, content)).data == first.data  # a repeat changes nothing
            assert (await put(person, session, 1, content)).data["uploaded_bytes"] == 77_777 + MIB
            assert (await person.api.get(f"/files/upload/{session}")).data["missing_chunks"] == [0, 2]
            await put(person, session, 0, content)
            last = (await put(person, session, 2, content)).data
            assert (last["status"], last["uploaded_bytes"], last["sha256"]) == (
                "completed",
                len(content),
                digest(content),
            )
            assert (await put(person, session, 2, content)).data == last
            response, body = await fetch(person, last["file_id"])
            assert (response.status, body) == (200, content)
            assert response.headers["ETag"] == f'"{digest(content)}"'
            assert response.content_type == "text/plain"
            for wanted, part in (
                ("bytes=0-0", content[:1]),
                (f"bytes={MIB - 1}-{MIB}", content[MIB - 1 : MIB + 1]),
                ("bytes=-5", content[-5:]),
                ("bytes=100-", content[100:]),
            ):
                response, body = await fetch(person, last["file_id"], Range=wanted)
                assert (response.status, body) == (206, part), wanted
            response, body = await fetch(person, last["file_id"], Range=f"bytes={len(content)}-")
            assert (response.status, response.headers["Content-Range"]) == (416, f"bytes */{len(content)}")
            response, body = await fetch(person, last["file_id"], **{"If-None-Match": f'"{digest(content)}"'})
            assert (response.status, body) == (304, b"")

    asyncio.run(scenario())


def test_a_form_carries_a_chunk_too(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            content = some_bytes(MIB + 1)
            session = (await begin(person, content))["session_id"]
            for number in (1, 0):
                form = aiohttp.FormData()
                fields = [("chunk", content[number * MIB : (number + 1) * MIB]), ("chunkNumber", str(number))]
                for name, value in fields if number else reversed(fields):
                    form.add_field(name, value, filename="blob" if name == "chunk" else None)
                answer = await person.api.call("POST", f"/files/upload/{session}/chunk", data=form)
                assert answer.status == 200, answer
            assert answer.data["sha256"] == digest(content)
            assert (await fetch(person, session))[1] == content
            where = f"/files/upload/{session}/chunk"
            bare = await person.api.call("POST", where, data=b"x", headers={"Content-Type": "text/plain"})
            assert (bare.status, bare.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
            form = aiohttp.FormData({"chunk": "x"}, default_to_multipart=True)
            assert (await person.api.call("POST", where, data=form)).code == "VALIDATION_ERROR"
            broken = {"Content-Type": "multipart/form-data; boundary=x"}
            assert (await person.api.call("POST", where, data=b"--y\r\n", headers=broken)).status == 400

    asyncio.run(scenario())


def test_an_empty_file_is_complete_at_once(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            started = await begin(person, b"")
            assert (started["total_chunks"], started["status"]) == (0, "completed")
            response, body = await fetch(person, started["file_id"])
            assert (response.status, body) == (200, b"")

    asyncio.run(scenario())


def test_what_is_not_what_was_announced_is_refused(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            content = some_bytes(MIB + 10)
            session = (await begin(person, content, sha256=digest(b"other")))["session_id"]
            where = f"/files/upload/{session}/chunks"
            short = await person.api.call("PUT", f"{where}/0", data=b"x")
            assert (short.status, short.code, short.body["details"][0]["code"]) == (
                400,
                "VALIDATION_ERROR",
                "WRONG_SIZE",
            )
            assert (await person.api.call("PUT", f"{where}/1", data=b"x" * 11)).status == 413
            for number in ("2", "-1", "x", "9" * 50):
                assert (await person.api.call("PUT", f"{where}/{number}", data=b"")).code == "VALIDATION_ERROR"
            assert (await put(person, session, 1, content)).status == 200
            other = await person.api.call("PUT", f"{where}/1", data=b"y" * 10)
            assert (other.status, other.code) == (409, "CHUNK_MISMATCH")
            for _ in range(2):
                wrong = await put(person, session, 0, content)
                assert (wrong.status, wrong.code) == (422, "CHECKSUM_MISMATCH")
            assert (await fetch(person, session))[0].status == 404

    asyncio.run(scenario())


def test_files_belong_to_their_user(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person, stranger = await new_person(api), await new_person(api)
            content = b"mine"
            session = (await begin(person, content))["session_id"]
            refused = await put(stranger, session, 0, content)
            assert (refused.status, refused.code) == (404, "UPLOAD_NOT_FOUND")
            assert (await stranger.api.get(f"/files/upload/{session}")).code == "UPLOAD_NOT_FOUND"
            assert (await fetch(person, session))[0].status == 404  # not complete yet
            await put(person, session, 0, content)
            assert (await fetch(stranger, session))[0].status == 404
            assert (await stranger.api.delete(f"/files/{session}")).code == "FILE_NOT_FOUND"
            listed = await person.api.get("/files")
            assert [row["id"] for row in listed.data["files"]] == [session]
            assert listed.data["pagination"]["total_count"] == 1
            assert (await person.api.get(f"/files/{session}")).data["file"]["sha256"] == digest(content)
            assert (await person.api.delete(f"/files/{session}")).status == 200
            assert (await fetch(person, session))[0].status == 404
            assert (await person.api.get(f"/files/{uuid.uuid4()}")).code == "FILE_NOT_FOUND"

    asyncio.run(scenario())


def test_many_chunks_at_once_make_one_file(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            content = some_bytes(9 * MIB - 1)
            session = (await begin(person, content, sha256=digest(content)))["session_id"]
            numbers = [*range(9), *range(9)]
            random.Random(1).shuffle(numbers)
            answers = await asyncio.gather(*(put(person, session, number, content) for number in numbers))
            assert {answer.status for answer in answers} == {200}
            assert (await person.api.get(f"/files/upload/{session}")).data["status"] == "completed"
            assert (await fetch(person, session))[1] == content

    asyncio.run(scenario())


def test_a_cut_chunk_leaves_nothing_behind(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            content = some_bytes(2 * MIB)
            session = (await begin(person, content, sha256=digest(content)))["session_id"]
            await cut(target.url, f"{API}/files/upload/{session}/chunks/0", str(person.api.token), b"\0" * 500_000)
            assert (await person.api.get(f"/files/upload/{session}")).data["missing_chunks"] == [0, 1]
            for number in (0, 1):
                assert (await put(person, session, number, content)).status == 200
            assert (await fetch(person, session))[1] == content

    asyncio.run(scenario())


async def cut(url: str, path: str, token: str, part: bytes) -> None:
    """Send the beginning of a chunk of 1 MiB and go."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: {MIB}\r\n\r\n"
    writer.write(head.encode() + part)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
