"""Files on the disk: whatever chunks come, in whatever order, what is complete is what was sent."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.files.layout import Layout
from pytest_roo_load.ccs.files.storage import ChunkDiffersError, ContentGoneError, Incoming, Storage


def chunk(content: bytes, layout: Layout, number: int) -> bytes:
    return content[layout.start(number) :][: layout.length(number)]


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(place % (len(data) + 1) for place in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


@given(size=st.integers(0, 10_000), chunk_bytes=st.integers(1, 500))
def test_chunks_cover_a_file_without_gap_or_overlap(size: int, chunk_bytes: int) -> None:
    layout = Layout(size_bytes=size, chunk_bytes=chunk_bytes)
    lengths = [layout.length(number) for number in range(layout.total)]
    assert sum(lengths) == size
    assert all(length == chunk_bytes for length in lengths[:-1])
    assert layout.length(layout.total) == layout.length(-1) == 0
    assert [layout.start(number) for number in range(layout.total)] == list(range(0, size, chunk_bytes))


@given(
    content=st.binary(max_size=300),
    chunk_bytes=st.integers(1, 60),
    order=st.lists(st.integers(0, 2**16), max_size=40),
    cuts=st.lists(st.integers(0, 400), max_size=4),
    restarts=st.sets(st.integers(0, 60)),
)
def test_any_size_order_repeats_and_cuts_give_the_same_bytes(
    content: bytes, chunk_bytes: int, order: list[int], cuts: list[int], restarts: set[int]
) -> None:
    layout = Layout(size_bytes=len(content), chunk_bytes=chunk_bytes)
    with TemporaryDirectory() as folder:
        storage = Storage(Path(folder))
        storage.create("f", layout)
        incoming, there = Incoming("f", layout), set[int]()
        sent = [number % layout.total for number in order] if content else []
        for step, number in enumerate([*sent, *range(layout.total)]):
            if step in restarts:  # another instance goes on, which has hashed nothing yet
                incoming = Incoming("f", layout)
            progress = storage.write(incoming, number, cut(chunk(content, layout, number), cuts))
            there.add(number)
            assert layout.missing(progress.marks) == sorted(set(range(layout.total)) - there)
            assert layout.received(progress.marks) == sum(map(layout.length, there))
            assert (progress.sha256 is None) == (len(there) < layout.total)
        assert storage.look(incoming).sha256 == hashlib.sha256(content).hexdigest()
        assert storage.path("f").read_bytes() == content


@given(content=st.binary(min_size=1, max_size=100), chunk_bytes=st.integers(1, 60), flip=st.integers(0, 10_000))
def test_a_chunk_that_is_there_is_not_replaced(content: bytes, chunk_bytes: int, flip: int) -> None:
    layout = Layout(size_bytes=len(content), chunk_bytes=chunk_bytes)
    with TemporaryDirectory() as folder:
        storage = Storage(Path(folder))
        storage.create("f", layout)
        incoming = Incoming("f", layout)
        for number in range(layout.total):
            storage.write(incoming, number, [chunk(content, layout, number)])
        place = flip % len(content)
        other = bytearray(content)
        other[place] ^= 1
        number = place // chunk_bytes
        with pytest.raises(ChunkDiffersError):
            storage.write(incoming, number, [chunk(bytes(other), layout, number)])
        storage.complete("f")
        with pytest.raises(ChunkDiffersError):
            storage.compare("f", layout.start(number), [chunk(bytes(other), layout, number)])
        assert storage.path("f").read_bytes() == content


def test_threads_may_write_the_same_chunks_at_once(tmp_path: Path) -> None:
    layout = Layout(size_bytes=64 * 1000 + 1, chunk_bytes=1000)
    content = bytes(range(256)) * 251
    content = content[: layout.size_bytes]
    here, there = Storage(tmp_path), Storage(tmp_path)
    here.create("f", layout)
    one, two = Incoming("f", layout), Incoming("f", layout)
    with ThreadPoolExecutor(8) as threads:
        for number in range(layout.total):
            for storage, incoming in ((here, one), (there, two)):
                threads.submit(storage.write, incoming, number, [chunk(content, layout, number)])
    assert here.look(one).sha256 == there.look(two).sha256 == hashlib.sha256(content).hexdigest()


def test_a_full_disk_refuses_a_chunk_and_keeps_the_others(tmp_path: Path) -> None:
    layout = Layout(size_bytes=3000, chunk_bytes=1000)
    storage, incoming = Storage(tmp_path), Incoming("f", layout)
    storage.create("f", layout)
    storage.write(incoming, 0, [b"a" * 1000])
    with nothing_written_beyond(1500):
        with pytest.raises(ApiError) as refused:
            storage.write(incoming, 1, [b"b" * 400, b"b" * 600])  # 500 bytes fit
        assert (refused.value.status, refused.value.code) == (507, "INSUFFICIENT_STORAGE")
        assert layout.missing(storage.look(incoming).marks) == [1, 2]
        with pytest.raises(ApiError):
            storage.create("g", layout)
        assert not storage.path("g").exists()
    storage.write(incoming, 2, [b"c" * 1000])
    storage.write(incoming, 1, [b"B" * 1000])
    assert storage.path("f").read_bytes() == b"a" * 1000 + b"B" * 1000 + b"c" * 1000
    assert storage.look(incoming).sha256 == hashlib.sha256(storage.path("f").read_bytes()).hexdigest()


def test_what_was_removed_takes_no_chunk(tmp_path: Path) -> None:
    layout = Layout(size_bytes=1)
    storage, incoming = Storage(tmp_path), Incoming("f", layout)
    storage.create("f", layout)
    storage.remove("f")
    storage.remove("f")
    with pytest.raises(ContentGoneError):
        storage.write(incoming, 0, [b"x"])
    with pytest.raises(ContentGoneError):
        storage.compare("f", 0, [b"x"])
    assert list(tmp_path.iterdir()) == []


@contextmanager
def nothing_written_beyond(size_bytes: int) -> Iterator[None]:
    """Let the kernel refuse what a disk that is full would refuse."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
