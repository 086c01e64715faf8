"""Files between devices, on the reference CCS and on one that spoils them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from workload_lab import Outcome, stress
from wrong_ccs import Answer, Request, WrongCCS, serving

from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.stack import Service
from pytest_roo_load.workloads.background import Background
from pytest_roo_load.workloads.files.content import PIECE_BYTES, Content
from pytest_roo_load.workloads.files.settings import Choices
from pytest_roo_load.workloads.files.workload import FilesWorkload

SIZE = 2 * PIECE_BYTES + 12_345


class OneByteIsLost(WrongCCS):
    """In the middle of each download."""

    async def answer(self, request: Request) -> Answer:
        answer = await self.forward(request)
        if not request.path.endswith("/download"):
            return answer
        middle = len(answer.body) // 2
        spoilt = answer.body[:middle] + bytes([answer.body[middle] ^ 1]) + answer.body[middle + 1 :]
        return Answer(status=answer.status, headers=answer.headers, body=spoilt)


def travel(url: str, folder: Path, **choices: int) -> Outcome:
    workload = FilesWorkload(Choices(**({"size": SIZE, "devices": 3} | choices)))  # type: ignore[arg-type]
    return stress(workload, folder, target=url)


def test_files_reach_every_device(target: Service, tmp_path: Path) -> None:
    outcome = travel(target.url, tmp_path, files=2, users=2)
    assert outcome.result.failed == 0
    assert [str(finding) for finding in outcome.examined.findings if finding.verdict.value != "pass"] == []
    assert (outcome.fact("uploads"), outcome.fact("uploads cut and resumed")) == (4, 4)
    assert (outcome.fact("downloads"), outcome.fact("downloads cut and resumed")) == (4, 2)
    assert outcome.fact("sent of changed files") == outcome.fact("fetched of changed files") == 2 * SIZE
    assert outcome.fact("slowest download, per second") > 0


def test_a_spoilt_byte_is_found(target: Service, tmp_path: Path) -> None:
    with Background() as background:
        server = serving(OneByteIsLost(target.url))
        url = background.run(server.__aenter__())
        try:
            outcome = travel(url, tmp_path, cut=False)
        finally:
            background.run(server.__aexit__(None, None, None))
    kinds = {kind: number for finding in outcome.broken for kind, number in finding.count}
    assert kinds == {"corrupted": 2, "violated": 3}


@given(st.integers(1, 3 * PIECE_BYTES), st.integers(0, 3 * PIECE_BYTES), st.integers(0, 2 * PIECE_BYTES))
@example(1, PIECE_BYTES, 0)
def test_any_part_of_the_content_is_the_same_as_of_the_whole(size: int, start: int, length: int) -> None:
    content = Content("seed", size, {1: 2})
    whole = content.read(0, size)
    assert len(whole) == size
    assert content.read(start, length) == whole[start : start + length]
    assert content.sha256() == hashlib.sha256(whole).hexdigest()


def test_pieces_and_editions_differ() -> None:
    content = Content("seed", 4 * PIECE_BYTES)
    edited = content.edited([1, 3]).edited([3])
    pieces = [one.read(number * PIECE_BYTES, PIECE_BYTES) for one in (content, edited) for number in range(4)]
    assert len({hashlib.sha256(piece).digest() for piece in pieces}) == 6
    assert Content("other", 4 * PIECE_BYTES).read(0, PIECE_BYTES) not in pieces


def test_a_disk_without_room_for_the_files_is_told_before_load(target: Service, tmp_path: Path) -> None:
    workload = FilesWorkload(Choices(size="3 GB", files=9, users=2), room_bytes=11_999_000_000)
    with pytest.raises(UsageError, match=r"no room for the files: '12,000 MB.*11,999 MB are free"):
        stress(workload, tmp_path, target=target.url)


@pytest.mark.parametrize(
    ("choices", "told"),
    [({"size": "150 apples"}, "argument size"), ({"size": 0}, "size is out of range"), ({"devices": 1}, "devices")],
)
def test_what_cannot_be_chosen(choices: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Choices(**choices)  # type: ignore[arg-type]
