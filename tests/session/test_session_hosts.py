"""Load stays on this machine: every host of a URL counts, as each of its clients reads it."""

from __future__ import annotations

import pytest

from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.config import stay_here
from pytest_roo_load.session.hosts import hosts_of, is_local

_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGSERVICE")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://127.8.9.10",
        "http://LOCALHOST:8080",
        "http://[::1]:8080",
        "http://user:p@ss@localhost",
        "ws://localhost/live?host=tenant.example",
        "redis://:p@ss@127.0.0.1:6379/0",
        "redis:///0",
        "unix:///run/redis.sock?db=1",
        "postgresql:///shop",
        "postgresql://user:word@localhost:5432/shop?sslmode=disable&host=",
        "postgresql://127.0.0.1:5432,[::1]:5433,LocalHost/shop",
        "postgresql://%2Frun%2Fpostgresql:5433/shop",
        "postgres:///shop?host=/run/postgresql,localhost:5433&hostaddr=::1",
        "postgresql://user:w%40rd%23@127.0.0.1/shop",
    ],
)
def test_forms_of_this_machine_need_no_permission(url: str) -> None:
    stay_here(url, (), "option")
    assert all(map(is_local, hosts_of(url, {})))


@pytest.mark.parametrize(
    ("url", "foreign"),
    [
        ("http://localhost@db.example", "db.example"),
        ("http://localhost:80@db.example", "db.example"),
        ("http://127.evil.example", "127.evil.example"),
        ("http://127.0.0.1.evil.example", "127.0.0.1.evil.example"),
        ("http://[::2]:80", "::2"),
        ("redis://127.evil.example/0", "127.evil.example"),
        ("redis://127.0.0.1,10.0.0.5/0", "127.0.0.1,10.0.0.5"),
        ("redis:///0?host=10.0.0.5", "10.0.0.5"),
        ("postgresql:///shop?host=10.0.0.5", "10.0.0.5"),
        ("postgresql:///shop?host=10.0.0.5:5432", "10.0.0.5"),
        ("postgresql://127.0.0.1/shop?hostaddr=10.0.0.5", "10.0.0.5"),
        ("postgresql://127.0.0.1/shop?h%6Fst=10.0.0.5", "10.0.0.5"),
        ("postgresql://127.0.0.1/shop?host=localhost&host=10.0.0.5", "10.0.0.5"),
        ("postgresql://127.0.0.1,10.0.0.5/shop", "10.0.0.5"),
        ("postgresql://127.0.0.1%2C10.0.0.5/shop", "10.0.0.5"),
        ("postgresql://[::1]:1,[::2]:1/shop", "::2"),
        ("postgresql://%2Frun,10.0.0.5/shop", "10.0.0.5"),
        ("postgresql:///shop?service=far", "service=far"),
    ],
)
def test_every_other_host_needs_permission(url: str, foreign: str) -> None:
    with pytest.raises(UsageError, match="load would leave this machine") as refused:
        stay_here(url, (), "option")
    assert refused.value.remedy == f"if {foreign} may be loaded, add --roo-allow-remote {foreign}"
    stay_here(url, (foreign.upper(),), "option")


def test_all_hosts_are_told_at_once_and_without_the_password() -> None:
    with pytest.raises(UsageError) as refused:
        stay_here("postgresql://a.example,localhost/x?password=s3cret&hostaddr=10.0.0.5", ("b.example",), "option X")
    assert str(refused.value) == (
        "option X: load would leave this machine: 'postgresql://a.example,localhost/x?password=***&hostaddr=10.0.0.5' "
        "(allowed: this machine, b.example); if a.example and 10.0.0.5 may be loaded, "
        "add --roo-allow-remote a.example --roo-allow-remote 10.0.0.5"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@10.0.0.5,x@localhost/shop",  # asyncpg and libpq: user u at 10.0.0.5
        "postgresql://localhost?x=@10.0.0.5/shop",  # libpq: a user at 10.0.0.5
        "postgresql://localhost#,10.0.0.5/shop",  # libpq: two hosts
        "postgresql://u:p#x@localhost/shop",
    ],
)
def test_what_drivers_read_differently_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"option X: drivers differ in where this leads.*write %40 for @"):
        stay_here(url, ("10.0.0.5",), "option X")


@pytest.mark.parametrize("variable", _VARIABLES)
def test_variables_of_postgresql_count_where_the_url_says_nothing(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "far.example")
    with pytest.raises(UsageError, match=r"--roo-allow-remote (service=)?far\.example"):
        stay_here("postgresql:///shop", (), "option")
    stay_here("redis:///0", (), "option")
    stay_here("postgresql:///shop?host=localhost&hostaddr=127.0.0.1&service=near", ("service=near",), "option")
