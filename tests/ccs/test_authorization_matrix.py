"""Every route × every role. A route that is not in the table fails, so that nobody forgets to say who may use it."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from ccs_lab import PASSWORD, Answer, Api, Person, new_person, visit
from server_lab import SECRET, Server, server

from pytest_roo_load.ccs.routes import API, all_routes
from pytest_roo_load.ccs.tokens import AccessClaims, Tokens

CONTENT = b"content"
VERSION = {"path": "a.txt", "hash": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """What a route answers to whom; `body` is a request that is right in every other way.

    Where a thing belongs to a user, `stranger` is everybody else; what is the asker's own has no stranger.
    """

    owner: int
    participant: int
    viewer: int
    stranger: int
    body: Any = None
    public: bool = False


def public(status: int, body: Any = None) -> Who:
    """Open to all."""
    return Who(owner=status, participant=status, viewer=status, stranger=status, body=body, public=True)


def own(status: int, body: Any = None) -> Who:
    """About the asker alone: everybody gets their own."""
    return Who(owner=status, participant=status, viewer=status, stranger=status, body=body)


def private(status: int, body: Any = None) -> Who:
    """A thing of the owner's: nobody else learns that it is there."""
    return Who(owner=status, participant=404, viewer=404, stranger=404, body=body)


def shared(*, owner: int, participant: int = 200, viewer: int = 403, body: Any = None) -> Who:
    """In a conversation."""
    return Who(owner=owner, participant=participant, viewer=viewer, stranger=403, body=body)


DEVICE = {"device_name": "desk", "device_type": "desktop"}
UPLOAD = {"filename": "a.txt", "mime_type": "text/plain", "size": len(CONTENT)}
MATRIX: dict[str, Who] = {
    "GET /health": public(200),
    "GET /health/detailed": public(200),
    "GET /health/metrics": public(200),
    "GET /metrics": public(200),
    "GET /ws": public(426),
    "POST /auth/register": public(201, {"email": "{new}@example.org", "password": PASSWORD}),
    "POST /auth/login": public(401, {"email": "{new}@example.org", "password": PASSWORD, **DEVICE}),
    "POST /auth/refresh": public(401, {"refresh_token": "nonsense", "device_id": str(uuid.uuid4())}),
    "POST /auth/logout": own(200),
    "GET /auth/me": own(200),
    "GET /users/profile": own(200),
    "PUT /users/profile": own(200, {"display_name": "Ada"}),
    "GET /users/preferences": own(200),
    "PUT /users/preferences": own(200, {"preferences": {}}),
    "POST /users/change-password": own(200, {"current_password": PASSWORD, "new_password": "Better-horse1!"}),
    "POST /users/batch": own(200, {"operations": [{"op": "delete", "user_id": "{owner}"}]}),
    "GET /users/devices": own(200),
    "POST /users/devices": own(201, DEVICE),
    "PUT /users/devices/{id}": private(200, {"device_name": "mine"}),
    "DELETE /users/devices/{id}": private(200),
    "POST /conversations": own(201, {"title": "mine"}),
    "GET /conversations": own(200),
    "GET /conversations/{id}": shared(owner=200, viewer=200),
    "PUT /conversations/{id}": shared(owner=200, participant=200, body={"title": "changed"}),
    "DELETE /conversations/{id}": shared(owner=200, participant=403),
    "POST /conversations/{id}/restore": shared(owner=200, participant=403),
    "GET /conversations/{id}/participants": shared(owner=200, viewer=200),
    "POST /conversations/{id}/participants": shared(owner=201, participant=403, body={"user_id": "{stranger}"}),
    "PUT /conversations/{id}/participants/{user_id}": shared(owner=200, participant=403, body={"role": "viewer"}),
    "DELETE /conversations/{id}/participants/{user_id}": shared(owner=200, participant=403),
    "POST /conversations/{id}/messages": shared(owner=201, participant=201, body={"content": "hello"}),
    "GET /conversations/{id}/messages": shared(owner=200, viewer=200),
    "GET /messages/search": own(400),
    "GET /messages/{id}": shared(owner=200, viewer=200),
    "GET /messages/{id}/changes": shared(owner=200, viewer=200),
    "PUT /messages/{id}": shared(owner=403, participant=200, body={"content": "changed"}),
    "DELETE /messages/{id}": shared(owner=404, participant=200),  # its sender is asked first, and then it is gone
    "POST /commands": own(202, {"type": "custom"}),
    "GET /commands": own(200),
    "GET /commands/stats": own(200),
    "GET /commands/{id}": private(200),
    "POST /commands/{id}/cancel": private(200),
    "POST /files/upload/start": own(201, UPLOAD),
    "PUT /files/upload/{id}/chunks/{number}": private(200, CONTENT),
    "POST /files/upload/{id}/chunk": private(415),
    "GET /files/upload/{id}": private(200),
    "GET /files/sync": own(200),
    "POST /files/sync": own(200, VERSION),
    "GET /files": own(200),
    "GET /files/{id}": private(200),
    "GET /files/{id}/download": private(200),
    "DELETE /files/{id}": private(200),
}
ROUTES = [f"{route.method} {route.path.removeprefix(API)}" for route in all_routes()]


@pytest.fixture(scope="module")
def instance(postgres: Any, redis: Any) -> Iterator[Server]:
    """A server whose secret is known, so that tokens can be made that have expired."""
    with server(postgres.url, redis.url) as started:
        yield started


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """People in all roles, and one thing of each kind that belongs to the owner; the message is the participant's."""

    people: dict[str, Person]
    revoked: Api
    expired: Api
    things: dict[str, str]


def test_the_table_has_every_route() -> None:
    assert sorted(ROUTES) == sorted(MATRIX)


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_answers_each_role_as_it_should(instance: Server, route: str) -> None:
    who = MATRIX[route]

    async def scenario() -> dict[str, Any]:
        async with visit(instance.url) as api:
            world = await make_world(api, route)
            roles = {name: world.people[name].api for name in ("stranger", "viewer", "participant", "owner")}
            nobodies = {"anonymous": api, "revoked": world.revoked, "expired": world.expired}
            return {name: outcome(await ask(one, route, world), who) for name, one in (nobodies | roles).items()}

    answers = asyncio.run(scenario())
    expected: dict[str, Any] = {name: getattr(who, name) for name in ("stranger", "viewer", "participant", "owner")}
    if who.public:
        expected |= dict.fromkeys(("anonymous", "revoked", "expired"), who.owner)
    else:
        codes = {"anonymous": "UNAUTHORIZED", "revoked": "TOKEN_REVOKED", "expired": "TOKEN_EXPIRED"}
        expected |= {name: (401, code) for name, code in codes.items()}
    assert answers == expected


def test_nobody_touches_another_user_in_a_batch(instance: Server) -> None:
    async def scenario() -> None:
        async with visit(instance.url) as api:
            owner, stranger = await new_person(api), await new_person(api)
            for op in ("update", "deactivate", "delete"):
                body = {"operations": [{"op": op, "user_id": owner.user_id}]}
                answer = await stranger.api.post("/users/batch", body)
                assert [result["success"] for result in answer.data["results"]] == [False], op
            assert (await owner.api.get("/auth/me")).status == 200

    asyncio.run(scenario())


def outcome(answer: Answer, who: Who) -> Any:
    """The status; with the code where that tells why somebody was not let in."""
    return (answer.status, answer.code) if answer.status == 401 and not who.public else answer.status


async def ask(api: Api, route: str, world: World) -> Answer:
    method, _, path = route.partition(" ")
    body = MATRIX[route].body
    for name, value in world.things.items():
        path = path.replace(f"/{name}/{{id}}", f"/{name}/{value}")
    path = path.replace("{number}", "0").replace("{user_id}", world.people["guest"].user_id)
    if isinstance(body, bytes):
        return await api.call(method, path, data=body)
    return await api.call(method, path, filled(body, world))


def filled(body: Any, world: World) -> Any:
    """The body with what only the world knows put in."""
    if isinstance(body, dict):
        return {name: filled(value, world) for name, value in body.items()}
    if isinstance(body, list):
        return [filled(value, world) for value in body]
    if isinstance(body, str):
        for name, person in world.people.items():
            body = body.replace(f"{{{name}}}", person.user_id)
        return body.replace("{new}", uuid.uuid4().hex)
    return body


async def make_world(api: Api, route: str) -> World:
    names = ("owner", "participant", "viewer", "guest", "stranger")
    people = dict(zip(names, await asyncio.gather(*(new_person(api) for _ in names)), strict=True))
    gone = await people["owner"].again("gone")
    assert (await gone.api.post("/auth/logout")).status == 200
    return World(
        people=people,
        revoked=gone.api,
        expired=Api(api.http, api.url, expired_token(people["owner"])),
        things=await make_things(people, route),
    )


def expired_token(person: Person) -> str:
    tokens = Tokens(SECRET, access_ttl_s=1.0, refresh_ttl_s=1.0)
    claims = AccessClaims(user_id=person.user_id, email=person.email, session_id=person.session_id)
    return tokens.access(claims, now=time.time() - 60)


async def make_things(people: dict[str, Person], route: str) -> dict[str, str]:
    """One thing of each kind that the route is about, by the name of its collection."""
    owner = people["owner"]
    things = {"users/devices": owner.device_id}
    if "devices" in route:
        other = await owner.api.post("/users/devices", DEVICE)
        things["users/devices"] = other.data["device"]["id"]
    if "conversations" in route or "messages" in route:
        given = {"participant": "participant", "viewer": "viewer", "guest": "participant"}
        roles = [{"user_id": people[name].user_id, "role": role} for name, role in given.items()]
        conversation = await owner.conversation(participants=roles)
        posted = await people["participant"].api.post(f"/conversations/{conversation}/messages", {"content": "hi"})
        things |= {"conversations": conversation, "messages": posted.data["message"]["id"]}
    if "commands" in route:
        body = {"type": "custom", "target_device_ids": [owner.device_id]}
        things["commands"] = (await owner.api.post("/commands", body)).data["ids"][0]
    if "files" in route:
        upload = (await owner.api.post("/files/upload/start", UPLOAD)).data["session_id"]
        stored = (await owner.api.post("/files/upload/start", UPLOAD)).data["session_id"]
        assert (await owner.api.call("PUT", f"/files/upload/{stored}/chunks/0", data=CONTENT)).status == 200
        things |= {"files/upload": upload, "files": stored}
    return things
