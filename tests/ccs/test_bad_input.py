"""The running server against what clients should not send: an answer of the 4xx kind, in the envelope, each time."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from typing import Any

from ccs_lab import Person, new_person, visit

NIL = "00000000-0000-0000-0000-000000000000"
ODD_VALUES: list[Any] = [
    "a\0b",
    "\0",
    "x" * 100_000,
    "",
    "'; DROP TABLE users; --",
    0,
    -1,
    2**63,
    10**4000,
    1.5,
    True,
    [],
    ["a", None],
    {},
    {"a": "\0"},
    {"\0": 1},
    NIL,
]
MALFORMED = [
    (b"{", "INVALID_JSON"),
    (b"nonsense", "INVALID_JSON"),
    (b'{"a": NaN}', "INVALID_JSON"),
    (b'{"a": 1e999}', "INVALID_JSON"),
    (b'{"a": ' + b"9" * 5000 + b"}", "INVALID_JSON"),
    (b'{"email": "\xff\xfe"}', "INVALID_JSON"),
    (b"\xef\xbb\xbf{}", "INVALID_JSON"),
    (b"[" * 100_000, "INVALID_JSON"),
    (b'{"a":' * 100_000, "INVALID_JSON"),
    (b'{"a":' + b"[" * 500 + b"]" * 500 + b"}", "VALIDATION_ERROR"),
    (rb'{"content": "\ud800"}', "VALIDATION_ERROR"),
    (rb'{"metadata": {"\udfff": 1}}', "VALIDATION_ERROR"),
    (rb'{"content": "a\u0000b"}', "VALIDATION_ERROR"),
    (b"[]", "VALIDATION_ERROR"),
    (b"null", "VALIDATION_ERROR"),
    (b"1", "VALIDATION_ERROR"),
]
FIELDS = {
    ("POST", "/auth/register"): ("email", "password", "display_name", "preferences"),
    ("POST", "/auth/login"): (
        "email",
        "password",
        "device_name",
        "device_type",
        "device_fingerprint",
        "platform",
        "capabilities",
    ),
    ("POST", "/auth/refresh"): ("refresh_token", "device_id"),
    ("PUT", "/users/profile"): ("display_name", "preferences"),
    ("PUT", "/users/preferences"): ("preferences",),
    ("POST", "/users/change-password"): ("current_password", "new_password"),
    ("POST", "/users/devices"): ("device_name", "device_type", "platform", "capabilities"),
    ("POST", "/conversations"): ("title", "workspace_path", "metadata", "participants"),
    ("PUT", "/conversations/{conversation}"): ("title", "workspace_path", "metadata"),
    ("POST", "/conversations/{conversation}/messages"): ("content", "message_type", "metadata", "parent_message_id"),
    ("PUT", "/messages/{message}"): ("content", "metadata"),
}
GOOD = {
    "email": "a@example.org",
    "password": "Correct-horse1!",
    "device_name": "desk",
    "device_type": "desktop",
    "content": "hello",
    "refresh_token": "x",
    "device_id": NIL,
    "current_password": "x",
    "new_password": "Correct-horse1!",
}
ODD_QUERIES = ("%00", "%ff", "%ED%A0%80", "-1", "1e3", "9" * 5000, "x" * 300, "%", "0001-01-01T00:00:00+14:00", "٣")


def test_malformed_bodies_are_the_clients_fault(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            path = f"/conversations/{await person.conversation()}/messages"
            for body, code in MALFORMED:
                headers = {"Content-Type": "application/json"}
                answer = await person.api.call("POST", path, data=body, headers=headers)
                assert (answer.status, answer.code) == (400, code), body[:60]

    asyncio.run(scenario())


def test_odd_values_in_every_field_never_break_the_server(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            conversation, message = await with_message(person)
            for (method, path), fields in FIELDS.items():
                where = path.format(conversation=conversation, message=message)
                for field in fields:
                    for value in ODD_VALUES:
                        good = {name: GOOD[name] for name in fields if name in GOOD}
                        body = json.dumps(good | {field: value}).encode()
                        headers = {"Content-Type": "application/json"}
                        answer = await person.api.call(method, where, data=body, headers=headers)
                        assert answer.status < 500, (where, field, str(value)[:40])
                        assert answer.body["success"] is (answer.status < 300)

    asyncio.run(scenario())


def test_odd_query_strings_and_paths_never_break_the_server(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            conversation, _ = await with_message(person)
            for value in ODD_QUERIES:
                for where in (
                    *(f"/conversations?{name}={value}" for name in ("limit", "offset", "search", "status")),
                    *(
                        f"/conversations/{conversation}/messages?{name}={value}"
                        for name in ("since", "until", "search")
                    ),
                    f"/messages/search?q={value}",
                    f"/conversations/{value}",
                    f"/messages/{value}",
                    f"/users/devices/{value}",
                ):
                    status, body = await raw_get(target.url, f"/api/v1{where}", str(person.api.token))
                    assert 200 <= status < 500, where
                    # What is no URL at all is refused by aiohttp, before any route.
                    assert b'"success":' in body or (status == 400 and not value.isascii()), where

    asyncio.run(scenario())


def test_validation_names_every_bad_field_at_once(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            answer = await api.post("/auth/register", {"email": "nobody", "password": "short", "display_name": 7})
            assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
            details = {(detail["field"], detail["code"]) for detail in answer.body["details"]}
            assert details == {
                ("email", "INVALID_FORMAT"),
                ("password", "TOO_SHORT"),
                ("display_name", "INVALID_TYPE"),
            }

    asyncio.run(scenario())


def test_the_size_of_a_body_is_limited_also_when_it_is_compressed_or_chunked(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            big = json.dumps({"email": "x" * (10 * 1024 * 1024)}).encode()
            json_type = {"Content-Type": "application/json"}
            plain = await api.call("POST", "/auth/register", data=io.BytesIO(big), headers=json_type)
            assert (plain.status, plain.code) == (413, "PAYLOAD_TOO_LARGE")
            zipped = await api.call(
                "POST", "/auth/register", data=gzip.compress(big), headers=json_type | {"Content-Encoding": "gzip"}
            )
            assert (zipped.status, zipped.code) == (413, "PAYLOAD_TOO_LARGE")
            broken = await api.call(
                "POST", "/auth/register", data=b"not gzip", headers=json_type | {"Content-Encoding": "gzip"}
            )
            assert broken.status == 400
            assert [answer.headers["Connection"] for answer in (plain, zipped, broken)] == ["close"] * 3
            almost = await api.call("POST", "/auth/register", data=big[:1000] + b'"}', headers=json_type)
            assert (almost.status, almost.code) == (400, "VALIDATION_ERROR")

    asyncio.run(scenario())


def test_other_media_types_methods_and_routes_are_refused_in_the_envelope(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            text = await api.call("POST", "/auth/register", data=b"a=b", headers={"Content-Type": "text/plain"})
            assert (text.status, text.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
            wrong_method = await api.call("DELETE", "/auth/login")
            assert (wrong_method.status, wrong_method.code) == (405, "METHOD_NOT_ALLOWED")
            assert wrong_method.headers["Allow"] == "POST"
            assert (await api.get("/nowhere")).code == "NOT_FOUND"
            expecting = await api.call("POST", "/auth/login", {}, headers={"X-Request-ID": "a b\tc"})
            assert "X-Request-ID" not in expecting.headers

    asyncio.run(scenario())


async def with_message(person: Person) -> tuple[str, str]:
    conversation = await person.conversation()
    posted = await person.api.post(f"/conversations/{conversation}/messages", {"content": "hello"})
    return conversation, posted.data["message"]["id"]


async def raw_get(url: str, path: str, token: str) -> tuple[int, bytes]:
    """Send a path exactly as it is; a proper client would put it in order first."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split(b" ", 2)[1]), answer
