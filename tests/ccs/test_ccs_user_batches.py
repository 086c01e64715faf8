"""Users in batches: what each operation answers, whose users they are, and what one statement may do."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from ccs_lab import PASSWORD, Answer, Person, log_in, new_person, visit
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.ccs.data.user_batches import OPERATIONS, UserOperation, alike

OPERATION = st.builds(
    lambda op, who: UserOperation(op=op, email=who if op == "create" else "", user_id="" if op == "create" else who),
    st.sampled_from(OPERATIONS),
    st.sampled_from(["a", "b", "c"]),
)


@given(operations=st.lists(OPERATION, max_size=30))
def test_runs_keep_the_order_are_of_one_kind_and_about_nobody_twice(operations: list[UserOperation]) -> None:
    runs = list(alike(operations))
    assert [operation for run in runs for operation in run] == operations
    for run in runs:
        assert len({operation.op for operation in run}) == 1
        assert len({operation.subject for operation in run}) == len(run)


def creation(email: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"op": "create", "email": email or f"{uuid.uuid4().hex}@example.org", "password": PASSWORD} | fields


async def batch(person: Person, *operations: Any) -> Answer:
    answer = await person.api.post("/users/batch", {"operations": list(operations)})
    assert answer.status == 200, answer
    return answer


def test_users_are_created_changed_deactivated_and_deleted(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            manager = await new_person(api)
            wanted = [creation(display_name=f"User {number}") for number in range(250)]
            created = await batch(manager, *wanted)
            assert created.data["summary"] == {"total": 250, "succeeded": 250, "failed": 0}
            users = [result["user_id"] for result in created.data["results"]]
            assert len(set(users)) == 250
            assert [result["index"] for result in created.data["results"]] == list(range(250))
            member = await log_in(api.http, api.url, wanted[0]["email"])
            assert member.user_id == users[0]
            await batch(manager, {"op": "update", "user_id": users[0], "display_name": "Renamed"})
            assert (await member.api.get("/auth/me")).data["user"]["display_name"] == "Renamed"
            await batch(manager, {"op": "deactivate", "user_id": users[0]})
            assert (await member.api.get("/auth/me")).code == "TOKEN_REVOKED"
            login = {"email": wanted[0]["email"], "password": PASSWORD, "device_name": "d", "device_type": "web"}
            assert (await api.post("/auth/login", login)).code == "INVALID_CREDENTIALS"
            other = await log_in(api.http, api.url, wanted[1]["email"])
            deleted = await batch(manager, *[{"op": "delete", "user_id": user} for user in users])
            assert deleted.data["summary"]["succeeded"] == 250
            assert (await other.api.get("/auth/me")).code == "TOKEN_REVOKED"
            again = await batch(manager, {"op": "delete", "user_id": users[0]})
            assert again.data["results"][0]["code"] == "USER_NOT_FOUND"

    asyncio.run(scenario())


def test_an_operation_that_cannot_be_done_fails_alone(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            manager = await new_person(api)
            good = creation()
            answer = await batch(
                manager,
                good,
                creation(good["email"]),
                creation(manager.email),
                creation(password="weak"),
                {"op": "explode"},
                "create",
                {"op": "update", "user_id": str(uuid.uuid4())},
                creation(),
            )
            codes = [result.get("code") for result in answer.data["results"]]
            wrong = "VALIDATION_ERROR"
            expected = [None, "USER_EXISTS", "USER_EXISTS", wrong, wrong, wrong, "USER_NOT_FOUND", None]
            assert codes == expected
            assert answer.data["results"][3]["details"][0]["field"] == "password"
            assert answer.data["summary"] == {"total": 8, "succeeded": 2, "failed": 6}

    asyncio.run(scenario())


def test_operations_take_effect_in_their_order(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            manager = await new_person(api)
            (made,) = (await batch(manager, creation())).data["results"]
            user = {"user_id": made["user_id"]}
            rename = {"op": "update", "display_name": "A"} | user
            answer = await batch(manager, rename, rename, {"op": "delete"} | user, {"op": "update"} | user)
            assert [result["success"] for result in answer.data["results"]] == [True, True, True, False]

    asyncio.run(scenario())


def test_other_peoples_users_do_not_exist(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            manager, stranger = await new_person(api), await new_person(api)
            (made,) = (await batch(manager, creation())).data["results"]
            for op in ("update", "deactivate", "delete"):
                for victim in (made["user_id"], manager.user_id, stranger.user_id):
                    answer = await batch(stranger, {"op": op, "user_id": victim})
                    assert answer.data["results"][0]["code"] == "USER_NOT_FOUND"
            assert (await manager.api.get("/auth/me")).status == 200

    asyncio.run(scenario())


def test_a_batch_has_1_to_1000_operations(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            manager = await new_person(api)
            bad: list[Any] = [[], None, {}, [{"op": "delete"}] * 1001]
            for wrong in bad:
                answer = await manager.api.post("/users/batch", {"operations": wrong})
                assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
            assert (await api.post("/users/batch", {"operations": [creation()]})).code == "UNAUTHORIZED"

    asyncio.run(scenario())
