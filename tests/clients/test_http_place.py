"""What every request to a place carries."""

from __future__ import annotations

from typing import Any

from pytest_roo_load.clients.http.names import RouteNames
from pytest_roo_load.clients.http.origin import Origin
from pytest_roo_load.clients.http.place import Place, without

ORIGIN = Origin.of("http://127.0.0.1:8080")
WAY: Any = "no connections"


def test_plain_gets_are_planned_once_for_all_who_dress_alike() -> None:
    first, second = Place(ORIGIN, WAY, {"Accept": "text/x-place"}), Place(ORIGIN, WAY, {"Accept": "text/x-place"})
    name, head = first.plan_get("/items/7?all=1", RouteNames())
    assert name == "GET /items/:id"
    assert head == b"GET /items/7?all=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: text/x-place\r\n\r\n"
    assert second.gets["/items/7?all=1"] == (name, head)


def test_other_headers_make_other_plans() -> None:
    place = Place(ORIGIN, WAY, {"Accept": "text/x-place"})
    _, before = place.plan_get("/", RouteNames())
    place.put_on({"Accept": "text/x-place", "Authorization": "Bearer secret"})
    assert "/" not in place.gets
    _, after = place.plan_get("/", RouteNames())
    assert after == before.replace(b"\r\n\r\n", b"\r\nAuthorization: Bearer secret\r\n\r\n")


def test_the_memory_of_plans_is_bounded() -> None:
    place = Place(ORIGIN, WAY, {"Accept": "text/x-bounded"})
    for number in range(1000):
        place.plan_get(f"/{number}", RouteNames())
    assert 0 < len(place.gets) <= 64
    assert repr(place) == f"<Place {ORIGIN}, 'no connections'>"


def test_headers_are_taken_away_by_name() -> None:
    assert without({"cookie"}, {"Cookie": "a=b", "Accept": "*/*"}) == {"Accept": "*/*"}
