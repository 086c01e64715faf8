"""The running server's file sync: offers, conflicts, changes, and what other devices hear of them."""

from __future__ import annotations

import asyncio
import hashlib
import random
from typing import Any

from ccs_lab import Answer, Person, new_person, receive, visit


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def offer(person: Person, path: str, text: str | None, base: str | None = None, **fields: Any) -> Answer:
    version = {"deleted": True} if text is None else {"hash": sha(text), "size": len(text)}
    body = {"path": path, "base_hash": None if base is None else sha(base)} | version | fields
    return await person.api.post("/files/sync", body)


async def store(person: Person, text: str, announced: str | None = None) -> Answer:
    form = {"filename": "f", "mime_type": "text/plain", "size": len(text), "sha256": sha(announced or text)}
    session = (await person.api.post("/files/upload/start", form)).data["session_id"]
    return await person.api.call("PUT", f"/files/upload/{session}/chunks/0", data=text.encode())


def test_versions_follow_each_other_and_everyone_sees_them_once(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            created = await offer(person, "a.txt", "one")
            assert (created.status, created.data["file"]["status"], created.data["changed"]) == (200, "pending", True)
            await offer(person, "b.txt", "b", workspace="w")
            assert (await offer(other, "a.txt", "two", base="one")).status == 200
            assert (await offer(other, "a.txt", "two", base="one")).data["changed"] is False  # said again
            seen = (await other.api.get("/files/sync")).data
            assert [(row["path"], row["hash"]) for row in seen["changes"]] == [
                ("b.txt", sha("b")),
                ("a.txt", sha("two")),
            ]
            assert (await offer(person, "a.txt", None, base="two")).data["file"]["status"] == "deleted"
            later = (await other.api.get(f"/files/sync?since={seen['cursor']}")).data
            assert [(row["path"], row["status"], row["hash"]) for row in later["changes"]] == [
                ("a.txt", "deleted", None)
            ]
            assert later["changes"][0]["device_id"] == person.device_id
            assert (await other.api.get(f"/files/sync?since={later['cursor']}")).data["changes"] == []
            page = (await other.api.get("/files/sync?limit=1")).data
            assert (len(page["changes"]), page["has_more"]) == (1, True)
            assert len((await other.api.get("/files/sync?workspace=w")).data["changes"]) == 1
            when = {"since": later["changes"][0]["updated_at"]}
            assert len((await other.api.get("/files/sync", params=when)).data["changes"]) == 1

    asyncio.run(scenario())


def test_a_conflict_shows_both_versions_and_ends_as_the_device_says(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other = await person.again()
            await offer(person, "a", "one")
            await offer(person, "a", "two", base="one")
            conflict = await offer(other, "a", "mine", base="one")
            assert (conflict.status, conflict.code) == (409, "SYNC_CONFLICT")
            assert conflict.body["conflict"]["local"]["hash"] == sha("mine")
            assert conflict.body["conflict"]["remote"]["hash"] == sha("two")
            assert conflict.body["conflict"]["remote"]["status"] == "conflict"
            unseen = await offer(other, "a", "mine", base="one", resolution="local_wins")
            assert unseen.code == "SYNC_CONFLICT"  # it would overwrite what it has not seen
            manual = await offer(other, "a", "mine", base="one", resolution="manual")
            assert (manual.status, manual.data["file"]["status"]) == (200, "conflict")
            merged = await offer(other, "a", "both", base="two", resolution="merge")
            assert (merged.status, merged.data["file"]["hash"]) == (200, sha("both"))
            assert (await offer(person, "a", "old", base="two")).code == "SYNC_CONFLICT"
            given_in = await offer(person, "a", "both", base="two", resolution="remote_wins")
            assert (given_in.data["file"]["hash"], given_in.data["file"]["status"]) == (sha("both"), "pending")
            assert (await offer(person, "new", "x", base="never was")).body["conflict"]["remote"] is None

    asyncio.run(scenario())


def test_of_many_offers_at_once_one_is_taken(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            await offer(person, "a", "base")
            answers = await asyncio.gather(*(offer(person, "a", f"v{n}", base="base") for n in range(12)))
            assert sorted(answer.status for answer in answers) == [200] + [409] * 11
            taken = next(answer for answer in answers if answer.status == 200)
            state = (await person.api.get("/files/sync")).data["changes"][-1]
            assert state["hash"] == taken.data["file"]["hash"]

    asyncio.run(scenario())


def test_a_path_waits_for_its_content(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            for path in ("a", "b"):
                assert (await offer(person, path, "text")).data["file"]["status"] == "pending"
            failed = await store(person, "tex!", announced="text")
            assert failed.code == "CHECKSUM_MISMATCH"
            seen = (await person.api.get("/files/sync")).data
            assert [row["status"] for row in seen["changes"]] == ["error", "error"]
            file_id = (await store(person, "text")).data["file_id"]
            settled = (await person.api.get(f"/files/sync?since={seen['cursor']}&limit=1")).data
            rest = (await person.api.get(f"/files/sync?since={settled['cursor']}")).data
            rows = settled["changes"] + rest["changes"]
            assert sorted(row["path"] for row in rows) == ["a", "b"]
            assert {(row["status"], row["file_id"]) for row in rows} == {("synced", file_id)}
            assert (await offer(person, "c", "text")).data["file"]["status"] == "synced"

    asyncio.run(scenario())


def test_other_devices_that_can_sync_are_told(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            other, third = await person.again(), await person.again()
            can = {"supportsFileSync": True}
            async with person.websocket(can) as own, other.websocket(can) as told, third.websocket() as simple:
                await offer(person, "a", "text")
                frame = await receive(told)
                assert (frame["type"], frame["payload"]["path"], frame["payload"]["status"]) == (
                    "file_sync",
                    "a",
                    "pending",
                )
                await store(other, "text")
                for socket in (own, told):  # own: the first it hears
                    frame = await receive(socket)
                    assert (frame["payload"]["hash"], frame["payload"]["status"]) == (sha("text"), "synced")
                heartbeat = third.frame("heartbeat")
                await simple.send_json(heartbeat)
                assert (await receive(simple))["type"] == "ack"

    asyncio.run(scenario())


def test_what_is_no_offer_is_refused(target: Any) -> None:
    async def scenario() -> None:
        async with visit(target.url) as api:
            person = await new_person(api)
            good = {"path": "a", "hash": sha("x"), "size": 1}
            wide = "".join(chr(random.Random(1).randrange(0x10000, 0x1FFFF)) for _ in range(300))
            assert (await person.api.post("/files/sync", good | {"path": wide, "workspace": wide[::-1]})).status == 200
            for field, value in (
                ("path", "a/../../b"),
                ("path", ""),
                ("path", "x" * 301),
                ("hash", "xyz"),
                ("hash", None),
                ("base_hash", 7),
                ("size", -1),
                ("size", None),
                ("resolution", "mine"),
                ("deleted", "yes"),
            ):
                answer = await person.api.post("/files/sync", good | {field: value})
                assert (answer.status, answer.code) == (400, "VALIDATION_ERROR"), field
                assert answer.body["details"][0]["field"] == field
            assert (await person.api.get("/files/sync?since=yesterday")).code == "VALIDATION_ERROR"

    asyncio.run(scenario())
