"""Bodies in pieces, both ways, on both transports."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from http_lab import Lab, Library, at_server, read
from http_server import MEBIBYTE

from pytest_roo_load.errors import OperationError, UnexpectedAnswer, UsageError

pytestmark = pytest.mark.parametrize("library", ["own", "aiohttp"])


def test_a_form_with_files(library: Library, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("from a file")

    async def ask(lab: Lab) -> Any:
        answer = await lab.client.post(
            "/form",
            form={"title": "ü & co"},
            files={
                "a": tmp_path / "a.txt",
                "b": b"plain",
                "c": ('quo"te.bin', b"named"),
                "d": ("d", [b"in ", b"pieces"], "text/x-d"),
            },
        )
        return answer.json()

    fields, _ = at_server(ask, library)
    assert fields == {
        "title": "ü & co",
        "a": ["a.txt", "text/plain", "from a file"],
        "b": ["b", "application/octet-stream", "plain"],
        "c": ["quo%22te.bin", "application/octet-stream", "named"],
        "d": ["d", "text/x-d", "in pieces"],
    }


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield MEBIBYTE
        yield b""


def test_bodies_in_pieces(library: Library, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(MEBIBYTE * 5)

    async def ask(lab: Lab) -> list[Any]:
        return [
            (await lab.client.post("/upload", body=body, size_bytes=size)).json()
            for body, size in (
                (pieces(5), None),
                (pieces(5), 5 * 2**20),
                (iter([MEBIBYTE] * 5), None),
                (tmp_path / "big", None),
                (MEBIBYTE * 5, None),
            )
        ]

    answers, _ = at_server(ask, library)
    assert {answer["digest"] for answer in answers} == {hashlib.sha256(MEBIBYTE * 5).hexdigest()}
    assert [answer["chunked"] for answer in answers] == [True, False, True, False, False]


def test_a_body_of_another_length_than_announced(library: Library) -> None:
    async def ask(lab: Lab) -> None:
        for size in (2**20 - 1, 2**20 + 1):
            with pytest.raises((UsageError, OperationError)):
                await lab.client.post("/upload", body=pieces(1), size_bytes=size, timeout_s=5)
        assert (await lab.client.get("/echo")).status == 200

    at_server(ask, library)


def test_a_source_that_raises_ends_the_request(library: Library) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise KeyError("no more")

    async def ask(lab: Lab) -> None:
        with pytest.raises((KeyError, OperationError)):
            await lab.client.post("/upload", body=broken(), timeout_s=5)
        assert (await lab.client.get("/echo")).status == 200

    at_server(ask, library)


def test_a_streamed_answer_left_early_is_a_success_and_an_exception_an_interruption(library: Library) -> None:
    async def ask(lab: Lab) -> None:
        async with lab.client.stream("GET", "/download?mebibytes=50", name="early") as answer:
            async for _ in answer:
                break
        with pytest.raises(KeyError):
            async with lab.client.stream("GET", "/download?mebibytes=1", name="raised"):
                raise KeyError
        async with lab.client.stream("GET", "/nowhere") as answer:
            assert (answer.status, answer.ok, answer.headers["content-type"]) == (
                404,
                False,
                "text/plain; charset=utf-8",
            )
        assert (await lab.client.get("/echo")).status == 200

    _, lab = at_server(ask, library)
    assert lab.counted() == {
        "early": (1, {}, 0),
        "raised": (0, {}, 1),
        "GET /nowhere": (0, {"status 404": 1}, 0),
        "GET /echo": (1, {}, 0),
    }


def test_a_streamed_answer_with_the_status_of_an_error_is_raised_on_request(library: Library) -> None:
    async def ask(lab: Lab) -> None:
        async with lab.client.stream("GET", "/download?mebibytes=1") as answer:
            assert answer.raise_for_status() is answer
            assert len(b"".join([chunk async for chunk in answer])) == 2**20
        with pytest.raises(UnexpectedAnswer, match=r"^status 404$") as caught:
            async with lab.client.stream("GET", "/nowhere") as answer:
                answer.raise_for_status()
        assert (caught.value.kind, caught.value.counted) == ("status 404", True)

    _, lab = at_server(ask, library)
    assert lab.counted() == {"GET /download": (1, {}, 0), "GET /nowhere": (0, {"status 404": 1}, 0)}


def test_a_streamed_answer_that_stalls(library: Library) -> None:
    async def ask(lab: Lab) -> bytes:
        got: list[bytes] = []
        with pytest.raises(OperationError) as caught:
            await read(lab, "/slow", got, timeout_s=0.2)
        assert (caught.value.kind, caught.value.counted) == ("timeout", True)
        return b"".join(got)

    got, lab = at_server(ask, library)
    assert got == b"first"
    assert lab.counted() == {"GET /slow": (0, {"timeout": 1}, 0)}


def test_a_streamed_answer_without_a_body(library: Library) -> None:
    async def ask(lab: Lab) -> list[bytes]:
        got: list[bytes] = []
        async with lab.client.stream("HEAD", "/echo") as answer:
            got.extend([chunk async for chunk in answer])
        async with lab.client.stream("GET", "/redirect/304?to=/", expect=(304,)) as answer:
            got.extend([chunk async for chunk in answer])
        assert (await lab.client.get("/echo")).status == 200
        return got

    assert at_server(ask, library)[0] == []


def test_a_streamed_request_with_a_streamed_answer(library: Library) -> None:
    async def ask(lab: Lab) -> bytes:
        got: list[bytes] = []
        async with lab.client.stream("POST", "/upload", body=pieces(3)) as answer:
            got.extend([chunk async for chunk in answer])
        return b"".join(got)

    assert hashlib.sha256(MEBIBYTE * 3).hexdigest() in at_server(ask, library)[0].decode()


def test_a_cancelled_upload_leaves_nothing(library: Library) -> None:
    async def ask(lab: Lab) -> None:
        flowing = asyncio.Event()
        sending = asyncio.create_task(lab.client.post("/upload", body=endless(flowing)))
        await flowing.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (await lab.client.get("/echo")).status == 200

    _, lab = at_server(ask, library)
    assert lab.counted() == {"POST /upload": (0, {"cancelled": 1}, 0), "GET /echo": (1, {}, 0)}


@pytest.mark.parametrize(("interrupting", "counts"), [(False, (0, {"cancelled": 1}, 0)), (True, (0, {}, 1))])
def test_a_streamed_answer_that_the_journey_does_not_wait_for(
    *, interrupting: bool, counts: tuple[int, dict[str, int], int], library: Library
) -> None:
    async def ask(lab: Lab) -> bytes:
        got: list[bytes] = []
        lab.sweeper.interrupting = interrupting
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read(lab, "/slow", got), 0.2)
        return b"".join(got)

    got, lab = at_server(ask, library)
    assert got == b"first"
    assert lab.counted() == {"GET /slow": counts}


async def endless(flowing: asyncio.Event) -> AsyncIterator[bytes]:
    """Sets the event when the first piece has been taken."""
    while True:
        yield MEBIBYTE
        flowing.set()
        await asyncio.sleep(0)
