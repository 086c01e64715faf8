from __future__ import annotations

import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.clients.http.names import RouteNames, route_of


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("/users/17", "/users/:id"),
        ("/users/17?limit=5", "/users/:id"),
        (f"/c/{uuid.UUID(int=7)}/messages/3", "/c/:id/messages/:id"),
        (f"/c/{str(uuid.UUID(int=7**40)).upper()}", "/c/:id"),
        (f"/files/{hashlib.sha256(b'x').hexdigest()}", "/files/:id"),
        ("/api/v1/users", "/api/v1/users"),
        ("/a1/feedfacefeedface", "/a1/feedfacefeedface"),
        ("/x?id=1/2", "/x"),
    ],
)
def test_ids_do_not_show_in_a_route(path: str, route: str) -> None:
    assert route_of(path) == route


@given(st.integers(min_value=0), st.uuids(), st.binary(max_size=20))
def test_every_number_uuid_and_hash_is_an_id(number: int, one: uuid.UUID, data: bytes) -> None:
    digest = hashlib.md5(data).hexdigest()
    last = ":id" if any(character.isdigit() for character in digest) else digest
    assert route_of(f"/{number}/{one}/{digest}/") == f"/:id/:id/{last}/"


def test_the_memory_of_paths_is_bounded() -> None:
    names = RouteNames()
    for number in range(10_000):
        assert names["GET", f"/x/{number}"] == ("GET /x/:id", f"GET /x/{number} HTTP/1.1\r\n".encode())
    assert int(repr(names).split()[2]) <= 4096
