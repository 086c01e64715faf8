"""Links of the user's own: where they lead and what they are called."""

from __future__ import annotations

import pickle

import pytest

from pytest_roo_load.core.own_link import OwnLink, server_of
from pytest_roo_load.errors import UsageError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:53", ("localhost", 53)),
        ("http://127.0.0.1:8080/shop", ("127.0.0.1", 8080)),
        ("http://shop.example", ("shop.example", 80)),
        ("https://shop.example/", ("shop.example", 443)),
        ("redis://:secret@127.0.0.1/0", ("127.0.0.1", 6379)),
        ("postgresql://me:secret@127.0.0.1/shop", ("127.0.0.1", 5432)),
    ],
)
def test_servers(text: str, found: tuple[str, int]) -> None:
    assert server_of(text) == found


@pytest.mark.parametrize(
    "text",
    [
        8080,
        None,
        "",
        "8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:0",
        ":80",
        "h:70000",
        "h:80/x",
        "ftp://h",
    ],
)
def test_what_is_no_server(text: object) -> None:
    with pytest.raises(UsageError, match="argument server: not an address"):
        server_of(text)


def test_a_server_of_ipv6_is_refused() -> None:
    with pytest.raises(UsageError, match="not an address of IPv4: '::1'"):
        server_of("[::1]:8080")


def test_a_password_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        server_of("mysql://me:secret@127.0.0.1/shop")
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(OwnLink(name="db", server="redis://:secret@127.0.0.1", port=7))


@pytest.mark.parametrize(
    ("server", "datagrams", "url"),
    [
        ("127.0.0.1:8080", False, "http://127.0.0.1:7"),
        ("127.0.0.1:9000", True, "udp://127.0.0.1:7"),
        ("http://localhost:8080/shop", False, "http://127.0.0.1:7/shop"),
        ("postgresql://me:secret@db.example/shop", False, "postgresql://me:secret@127.0.0.1:7/shop"),
    ],
)
def test_the_url_is_the_servers_by_way_of_the_link(server: str, datagrams: bool, url: str) -> None:  # noqa: FBT001
    link = OwnLink(name="it", server=server, port=7, datagrams=datagrams)
    assert link.url == url
    assert link.address == ("127.0.0.1", 7)
    assert pickle.loads(pickle.dumps(link)) == link, "journeys may capture it"
