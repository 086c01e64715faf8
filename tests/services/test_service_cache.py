"""The cache: ours alone, entries complete or absent, one builder at a time."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from pytest_roo_load.errors import ServiceError
from pytest_roo_load.services.cache import Cache, default_root


class Builder:
    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "half").touch()
        await asyncio.sleep(0)
        (folder / "whole").touch()


async def use(cache: Cache, build: Builder) -> bool:
    async with cache.entry("key", build) as entry:
        assert (entry.path / "whole").exists()
        return entry.reused


async def many(cache: Cache, build: Builder) -> list[bool]:
    return await asyncio.gather(*(use(cache, build) for _ in range(5)))


def test_one_builds_and_all_use(tmp_path: Path) -> None:
    build = Builder()
    cache = Cache(tmp_path / "cache")
    assert sorted(asyncio.run(many(cache, build))) == [False, True, True, True, True]
    assert build.calls == 1
    assert repr(cache) == f"<Cache {tmp_path}/cache: key>"


def test_what_an_interrupted_build_has_left_is_replaced(tmp_path: Path) -> None:
    async def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError

    async def broken() -> None:
        async with cache.entry("key", fail):
            raise AssertionError

    cache = Cache(tmp_path / "cache")
    with pytest.raises(RuntimeError):
        asyncio.run(broken())
    assert repr(cache).endswith(": empty>")
    (tmp_path / "cache" / "key.partial").mkdir()
    assert asyncio.run(use(cache, Builder())) is False
    assert [entry.name for entry in (tmp_path / "cache").iterdir() if entry.is_dir()] == ["key"]


def test_a_damaged_entry_is_discarded_when_nobody_uses_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cache.entry("key", build) as entry:
            discarding = asyncio.create_task(cache.discard("key"))
            await asyncio.sleep(0)
            assert entry.path.exists()
        await discarding
        assert not entry.path.exists()

    cache, build = Cache(tmp_path / "cache"), Builder()
    asyncio.run(scenario())


def test_the_folder_must_be_ours(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    for name in ("link", "open"):
        with pytest.raises(ServiceError, match="not a folder of our own"):
            Cache(tmp_path / name)


def test_every_user_has_one() -> None:
    assert default_root().name == f"roo-load-cache-{os.geteuid()}"
