"""The running server, over HTTP: accounts, access, conversations, messages, metrics."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections import Counter
from typing import Any

from ccs_lab import PASSWORD, Api, new_person, visit


def login_form(email: str, password: str = PASSWORD) -> dict[str, str]:
    return {"email": email, "password": password, "device_name": "desk", "device_type": "desktop"}


def test_an_account_lives_from_registration_to_logout(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            email = f"Grace.{uuid.uuid4().hex}@Example.org"
            registration = {
                "email": email,
                "password": PASSWORD,
                "display_name": "Grace",
                "preferences": {"theme": "dark"},
            }
            registered = await api.post("/auth/register", registration)
            assert registered.status == 201
            assert registered.data["user"]["email"] == email.lower()
            assert "password" not in str(registered.body)
            logged_in = await api.post("/auth/login", login_form(email))
            assert logged_in.status == 200
            assert logged_in.data["user"]["id"] == registered.data["user"]["id"]
            session = Api(api.http, api.url, logged_in.data["access_token"])
            me = await session.get("/auth/me")
            profile = await session.get("/users/profile")
            assert me.data["user"] == profile.data["user"]
            assert profile.data["user"]["preferences"] == {"theme": "dark"}
            assert (await session.post("/auth/logout")).status == 200
            after = await session.get("/auth/me")
            assert (after.status, after.code) == (401, "TOKEN_REVOKED")

    asyncio.run(scenario())


def test_wrong_credentials_are_refused_without_saying_which(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            wrong = await api.post("/auth/login", login_form(person.email, "Wrong-horse1!"))
            unknown = await api.post("/auth/login", login_form("nobody@example.org"))
            assert (wrong.status, wrong.code) == (401, "INVALID_CREDENTIALS")
            assert wrong.body == unknown.body

    asyncio.run(scenario())


def test_a_protected_route_tells_missing_and_bad_tokens_apart(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            head, payload, signature = str(person.api.token).split(".")
            forged = f"{head}.{payload}.{signature[::-1]}"
            tokens = {
                None: "UNAUTHORIZED",
                "nonsense": "INVALID_TOKEN",
                forged: "INVALID_TOKEN",
                person.refresh_token: "INVALID_TOKEN",
            }
            for token, code in tokens.items():
                answer = await Api(api.http, api.url, token).get("/users/profile")
                assert (answer.status, answer.code) == (401, code)

    asyncio.run(scenario())


def test_one_email_registers_once_however_many_try(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            body = {"email": f"{uuid.uuid4().hex}@example.org", "password": PASSWORD}
            answers = await asyncio.gather(*(api.post("/auth/register", body) for _ in range(20)))
            assert Counter(answer.status for answer in answers) == {201: 1, 409: 19}
            assert {answer.code for answer in answers if answer.status == 409} == {"USER_EXISTS"}

    asyncio.run(scenario())


def test_refresh_tokens_rotate_and_a_second_use_ends_the_session(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            first = {"refresh_token": person.refresh_token, "device_id": person.device_id}
            rotated = await api.post("/auth/refresh", first)
            assert rotated.status == 200
            newer = Api(api.http, api.url, rotated.data["access_token"])
            assert (await newer.get("/auth/me")).status == 200
            reused = await api.post("/auth/refresh", first)
            assert (reused.status, reused.code) == (401, "TOKEN_REVOKED")
            assert (await newer.get("/auth/me")).code == "TOKEN_REVOKED"
            second = {"refresh_token": rotated.data["refresh_token"], "device_id": person.device_id}
            assert (await api.post("/auth/refresh", second)).code == "TOKEN_REVOKED"

    asyncio.run(scenario())


def test_a_refresh_token_is_of_no_use_to_another_device(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            stolen = {"refresh_token": person.refresh_token, "device_id": str(uuid.uuid4())}
            assert (await api.post("/auth/refresh", stolen)).code == "INVALID_TOKEN"
            assert (await person.api.get("/auth/me")).status == 200

    asyncio.run(scenario())


def test_changing_the_password_ends_the_other_sessions(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            assert (await other.api.get("/auth/me")).status == 200
            refused = await person.api.post(
                "/users/change-password", {"current_password": "Wrong-horse1!", "new_password": "Better-horse1!"}
            )
            assert refused.code == "INVALID_CREDENTIALS"
            changed = await person.api.post(
                "/users/change-password", {"current_password": PASSWORD, "new_password": "Better-horse1!"}
            )
            assert (changed.status, changed.data["sessions_ended"]) == (200, 1)
            assert (await other.api.get("/auth/me")).code == "TOKEN_REVOKED"
            assert (await person.api.get("/auth/me")).status == 200
            assert (await api.post("/auth/login", login_form(person.email))).code == "INVALID_CREDENTIALS"
            assert (await api.post("/auth/login", login_form(person.email, "Better-horse1!"))).status == 200

    asyncio.run(scenario())


def test_a_session_is_ended_by_name_only_by_its_user(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person, stranger = await new_person(api), await new_person(api)
            other = await person.again()
            name = {"X-Session-ID": other.session_id}
            assert (await stranger.api.post("/auth/logout", headers=name)).code == "SESSION_NOT_FOUND"
            assert (await other.api.get("/auth/me")).status == 200
            assert (await person.api.post("/auth/logout", headers=name)).status == 200
            assert (await other.api.get("/auth/me")).code == "TOKEN_REVOKED"
            assert (await person.api.get("/auth/me")).status == 200

    asyncio.run(scenario())


def test_profile_and_preferences_change(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            changed = await person.api.put("/users/profile", {"display_name": "Zoë 🦉", "preferences": {"a": 1}})
            assert changed.data["user"]["display_name"] == "Zoë 🦉"
            merged = await person.api.put("/users/preferences", {"preferences": {"b": [2]}})
            assert merged.data["preferences"] == {"a": 1, "b": [2]}
            assert (await person.api.get("/users/preferences")).data == merged.data

    asyncio.run(scenario())


def test_devices_are_kept_and_take_their_sessions_with_them(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person, stranger = await new_person(api), await new_person(api)
            other = await person.again("phone")
            listed = (await person.api.get("/users/devices")).data["devices"]
            assert [device["device_name"] for device in listed] == ["desk", "phone"]
            created = await person.api.post("/users/devices", {"device_name": "tab", "device_type": "tablet"})
            assert created.status == 201
            path = f"/users/devices/{created.data['device']['id']}"
            renamed = await person.api.put(path, {"device_name": "slate"})
            assert renamed.data["device"]["device_name"] == "slate"
            assert (await stranger.api.put(path, {"device_name": "mine"})).code == "DEVICE_NOT_FOUND"
            assert (await stranger.api.delete(path)).code == "DEVICE_NOT_FOUND"
            assert (await person.api.delete(f"/users/devices/{other.device_id}")).status == 200
            assert (await other.api.get("/auth/me")).code == "TOKEN_REVOKED"
            assert (await person.api.delete(path)).status == 200
            assert len((await person.api.get("/users/devices")).data["devices"]) == 1

    asyncio.run(scenario())


def test_a_login_knows_its_device_again(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            headers = {"X-Device-ID": person.device_id}
            by_id = await api.post("/auth/login", login_form(person.email), headers=headers)
            assert by_id.data["device"]["id"] == person.device_id
            form = login_form(person.email) | {"device_fingerprint": "abc"}
            first, second = [(await api.post("/auth/login", form)).data["device"]["id"] for _ in range(2)]
            assert first == second != person.device_id

    asyncio.run(scenario())


def test_only_participants_reach_a_conversation(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            owner, stranger = await new_person(api), await new_person(api)
            conversation = await owner.conversation(title="private")
            path = f"/conversations/{conversation}"
            posted = await owner.api.post(f"{path}/messages", {"content": "secret"})
            message = f"/messages/{posted.data['message']['id']}"
            tries = [
                ("GET", path, None),
                ("PUT", path, {"title": "mine"}),
                ("DELETE", path, None),
                ("POST", f"{path}/restore", None),
                ("POST", f"{path}/messages", {"content": "hi"}),
                ("GET", f"{path}/messages", None),
                ("GET", f"{path}/messages?search=secret", None),
                ("GET", message, None),
                ("PUT", message, {"content": "hacked"}),
                ("DELETE", message, None),
            ]
            for method, where, body in tries:
                answer = await stranger.api.call(method, where, body)
                assert (answer.status, answer.code) == (403, "PERMISSION_DENIED"), (method, where)
                assert "secret" not in str(answer.body)
            assert (await stranger.api.get("/messages/search?q=secret")).data["messages"] == []
            assert (await stranger.api.get("/conversations")).data["conversations"] == []
            absent = await stranger.api.get(f"/conversations/{uuid.uuid4()}/messages")
            assert (absent.status, absent.code) == (404, "CONVERSATION_NOT_FOUND")
            kept = await owner.api.get(message)
            assert kept.data["message"]["content"] == "secret"

    asyncio.run(scenario())


def test_roles_limit_what_participants_may_do(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            owner, writer, viewer = [await new_person(api) for _ in range(3)]
            roles = [{"user_id": writer.user_id, "role": "participant"}, {"user_id": viewer.user_id, "role": "viewer"}]
            path = f"/conversations/{await owner.conversation(participants=roles)}"
            read = await viewer.api.get(path)
            assert {row["role"] for row in read.data["participants"]} == {"owner", "participant", "viewer"}
            assert (await viewer.api.post(f"{path}/messages", {"content": "x"})).status == 403
            posted = await writer.api.post(f"{path}/messages", {"content": "x"})
            assert posted.status == 201
            message = f"/messages/{posted.data['message']['id']}"
            assert (await viewer.api.get(message)).status == 200
            assert (await owner.api.put(message, {"content": "not mine"})).status == 403
            assert (await writer.api.delete(path)).status == 403
            assert (await owner.api.delete(message)).status == 200

    asyncio.run(scenario())


def test_messages_are_paged_in_the_order_of_posting(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            path = f"/conversations/{await person.conversation()}/messages"
            posted = await asyncio.gather(*(person.api.post(path, {"content": f"m{n}"}) for n in range(25)))
            assert {answer.status for answer in posted} == {201}
            assert sorted(answer.data["message"]["sequence"] for answer in posted) == list(range(1, 26))
            pages = [await person.api.get(f"{path}?limit=10&offset={offset}") for offset in (0, 10, 20)]
            rows = [row for page in pages for row in page.data["messages"]]
            assert [row["sequence"] for row in rows] == list(range(1, 26))
            assert [page.data["pagination"]["has_more"] for page in pages] == [True, True, False]
            assert pages[0].data["pagination"] == {"total_count": 25, "has_more": True, "limit": 10, "offset": 0}
            since = await person.api.get(path, params={"since": rows[5]["created_at"], "until": rows[8]["created_at"]})
            assert [row["sequence"] for row in since.data["messages"]] == [6, 7, 8]
            assert since.data["pagination"]["total_count"] == 3
            assert (await person.api.get(f"{path}?limit=101")).code == "VALIDATION_ERROR"

    asyncio.run(scenario())


def test_search_takes_its_text_literally(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            path = f"/conversations/{await person.conversation(title='100 % cotton')}/messages"
            for content in ("100 % cotton", "100 and cotton", {"text": "nested cotton"}):
                assert (await person.api.post(path, {"content": content})).status == 201
            found = await person.api.get("/messages/search", params={"q": "100 %"})
            assert [row["content"] for row in found.data["messages"]] == ["100 % cotton"]
            everywhere = await person.api.get(path, params={"search": "COTTON"})
            assert everywhere.data["pagination"]["total_count"] == 3
            titles = await person.api.get("/conversations", params={"search": "0 %"})
            assert titles.data["pagination"]["total_count"] == 1

    asyncio.run(scenario())


def test_messages_are_edited_and_deleted_by_their_sender(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            path = f"/conversations/{await person.conversation()}/messages"
            first = (await person.api.post(path, {"content": "one", "metadata": {"k": 1}})).data["message"]
            answer = {"content": "two", "message_type": "assistant_message", "parent_message_id": first["id"]}
            reply = (await person.api.post(path, answer)).data["message"]
            assert (reply["parent_message_id"], reply["message_type"]) == (first["id"], "assistant_message")
            edited = await person.api.put(f"/messages/{first['id']}", {"content": "uno"})
            assert (edited.data["message"]["content"], edited.data["message"]["metadata"]) == ("uno", {"k": 1})
            assert (await person.api.delete(f"/messages/{first['id']}")).status == 200
            gone = await person.api.get(f"/messages/{first['id']}")
            assert (gone.status, gone.code) == (404, "MESSAGE_NOT_FOUND")
            listed = await person.api.get(path)
            assert [row["id"] for row in listed.data["messages"]] == [reply["id"]]
            assert listed.data["pagination"]["total_count"] == 1
            foreign = {"content": "x", "parent_message_id": str(uuid.uuid4())}
            assert (await person.api.post(path, foreign)).code == "VALIDATION_ERROR"

    asyncio.run(scenario())


def test_an_archived_conversation_leaves_the_list_and_comes_back(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            kept, conversation = await person.conversation(title="kept"), await person.conversation(title="gone")
            path = f"/conversations/{conversation}"
            archived = await person.api.delete(path)
            assert archived.data["conversation"]["status"] == "archived"
            listed = await person.api.get("/conversations")
            assert [row["id"] for row in listed.data["conversations"]] == [kept]
            away = await person.api.get("/conversations?status=archived")
            assert [row["id"] for row in away.data["conversations"]] == [conversation]
            refused = await person.api.post(f"{path}/messages", {"content": "hello?"})
            assert (refused.status, refused.code) == (409, "CONVERSATION_ARCHIVED")
            assert (await person.api.post(f"{path}/restore")).data["conversation"]["status"] == "active"
            assert (await person.api.post(f"{path}/messages", {"content": "hello"})).status == 201
            assert (await person.api.get("/conversations")).data["pagination"]["total_count"] == 2

    asyncio.run(scenario())


def test_health_says_what_works(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            health = await api.get("/health")
            assert (health.status, health.body["status"]) == (200, "healthy")
            assert set(health.body) == {"status", "timestamp", "uptime", "version", "environment"}
            detailed = await api.get("/health/detailed")
            assert detailed.body["services"] == {"database": "healthy", "redis": "healthy", "api": "healthy"}
            assert detailed.body["metrics"]["requests"]["total"] >= 1
            process = await api.get("/health/metrics")
            assert process.body["memory"]["resident_bytes"] > 1_000_000

    asyncio.run(scenario())


def test_metrics_count_what_was_sent(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            conversation = await person.conversation()
            before = await counted(api)
            for _ in range(7):
                await person.api.post(f"/conversations/{conversation}/messages", {"content": "x"})
            for _ in range(3):
                await person.api.post(f"/conversations/{conversation}/messages", {"content": ""})
            await person.api.get("/no/such/route")
            after = await counted(api)
            route = "/api/v1/conversations/:id/messages"
            grown = {key: after[key] - before[key] for key in after if after[key] != before[key]}
            assert grown.pop(("GET", "/metrics", "200")) == 1
            assert grown == {
                ("POST", route, "201"): 7,
                ("POST", route, "400"): 3,
                ("GET", "(unmatched)", "404"): 1,
            }

    asyncio.run(scenario())


def test_every_answer_names_its_instance_and_echoes_the_request(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            instances = set()
            for path in ("/health", "/metrics", "/users/profile", "/no/such/route"):
                answer = await api.get(path, headers={"X-Request-ID": "abc-1"})
                assert answer.headers["X-Request-ID"] == "abc-1"
                instances.add(answer.headers["X-Instance-ID"])
            assert len(instances) == 1
            assert re.fullmatch(r"[\w.-]{1,64}", instances.pop())

    asyncio.run(scenario())


async def counted(api: Api) -> Counter[tuple[str, str, str]]:
    text = (await api.get("/metrics")).body
    pattern = r'ccs_http_requests_total\{method="([^"]*)",route="([^"]*)",status="([^"]*)"\} (\d+)'
    return Counter({(m, route, status): int(n) for m, route, status, n in re.findall(pattern, text)})
