"""Uploads that end otherwise than well: too late, on a full disk, deleted meanwhile; on a real database and disk."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
from ccs_lab import new_person, visit
from server_lab import new_database, server

from pytest_roo_load.ccs.data.files import FileForm
from pytest_roo_load.ccs.data.users import create_user, credentials
from pytest_roo_load.ccs.database import Database
from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.files.storage import Storage
from pytest_roo_load.ccs.files.uploads import Uploads

CONTENT = b"some bytes"
FORM = FileForm(filename="f", mime_type="text/plain", size_bytes=len(CONTENT), sha256=None)
PRIVATE_MOUNTS = ("unshare", "--mount", "sh", "-c")


class Desk:
    """Uploads of one user, and the statements that make time pass."""

    def __init__(self, database: Database, root: Path, user_id: str) -> None:
        self.database = database
        self.root = root
        self.user_id = user_id

    def instance(self) -> Uploads:
        return Uploads(self.database, Storage(self.root), self._tell)

    def names(self) -> list[str]:
        """What is on the disk."""
        return [path.name for path in self.root.iterdir()]

    async def pass_time(self) -> None:
        await self.database.row("UPDATE files SET expires_at = now() - interval '1 s' WHERE status = 'uploading'")

    async def _tell(self, user_id: str, states: Sequence[str]) -> None:
        assert (user_id, list(states)) == (self.user_id, [])


@asynccontextmanager
async def desk(postgres: Any, root: Path) -> AsyncIterator[Desk]:
    async with new_database(postgres.url) as url:
        database = await Database.connect(url, 4)
        try:
            await create_user(database, email="a@b.c", password_hash="x", name=None, preferences="{}")
            found = await credentials(database, "a@b.c")
            assert found is not None
            yield Desk(database, root, found.user_id)
        finally:
            await database.close()


async def code_of(work: Any) -> str:
    with pytest.raises(ApiError) as caught:
        await work
    return caught.value.code


def test_an_upload_that_takes_too_long_is_given_up_with_its_bytes(postgres: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with desk(postgres, tmp_path) as at:
            here, there = at.instance(), at.instance()
            state, _ = await here.start(at.user_id, FORM)
            begun = await here.find(at.user_id, state.id)
            await at.pass_time()
            assert await code_of(there.find(at.user_id, state.id)) == "UPLOAD_EXPIRED"
            await there.sweep_once()
            assert at.names() == []
            # This instance has not heard of it, and had the chunk on its way.
            assert await code_of(here.put(begun, 0, [CONTENT])) == "UPLOAD_EXPIRED"
            assert await code_of(here.find(at.user_id, state.id)) == "UPLOAD_EXPIRED"

    asyncio.run(scenario())


def test_what_is_complete_stays_and_what_is_deleted_goes(postgres: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with desk(postgres, tmp_path) as at:
            here, there = at.instance(), at.instance()
            kept, _ = await here.start(at.user_id, FORM)
            gone, _ = await here.start(at.user_id, FORM)
            for state in (kept, gone):
                done = await there.put(await there.find(at.user_id, state.id), 0, [CONTENT])
                assert done.sha256 == hashlib.sha256(CONTENT).hexdigest()
            await at.pass_time()
            await at.database.row("DELETE FROM files WHERE id = $1", gone.id)
            await here.sweep_once()
            assert at.names() == [kept.id]
            assert (await here.state(await here.find(at.user_id, kept.id))).status == "completed"
            assert await code_of(here.find(at.user_id, gone.id)) == "UPLOAD_NOT_FOUND"
            await at.database.row("DELETE FROM users")
            await here.sweep_once()
            assert at.names() == []

    asyncio.run(scenario())


def test_an_instance_that_was_killed_before_it_told_is_made_up_for(postgres: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with desk(postgres, tmp_path) as at:
            here, there = at.instance(), at.instance()
            state, _ = await here.start(at.user_id, FORM)
            upload = await here.find(at.user_id, state.id)
            here.storage.write(upload.incoming, 0, [CONTENT])  # and no word to the database
            seen = await there.state(await there.find(at.user_id, state.id))
            assert (seen.status, seen.sha256) == ("completed", hashlib.sha256(CONTENT).hexdigest())

    asyncio.run(scenario())


@pytest.mark.skipif(
    run([*PRIVATE_MOUNTS, "mount -t tmpfs none /mnt"], capture_output=True, check=False).returncode != 0,
    reason="may not mount a small disk of its own",
)
def test_a_full_disk_is_told_and_harms_nothing(postgres: Any, redis: Any, tmp_path: Path) -> None:
    mib = 1024 * 1024

    async def scenario() -> None:
        mount = f'mount -t tmpfs -o size={3 * mib} none "{tmp_path}" && exec "$@"'
        small_disk = (*PRIVATE_MOUNTS, mount, "sh")
        async with new_database(postgres.url) as database:
            with server(database, redis.url, "--file-root", str(tmp_path), program=small_disk) as one:
                async with visit(one.url) as api:
                    person = await new_person(api)
                    form = {"filename": "f", "mime_type": "a/b", "size": 2 * mib}
                    first, second = [(await person.api.post("/files/upload/start", form)).data for _ in range(2)]
                    answers = [
                        await person.api.call(
                            "PUT", f"/files/upload/{it['session_id']}/chunks/{n}", data=bytes([n]) * mib
                        )
                        for it in (first, second)
                        for n in (0, 1)
                    ]
                    assert [answer.status for answer in answers] == [200, 200, 507, 507]
                    assert {answer.code for answer in answers[2:]} == {"INSUFFICIENT_STORAGE"}
                    left = await person.api.get(f"/files/upload/{second['session_id']}")
                    assert left.data["missing_chunks"] == [0, 1]
                    url = f"{one.url}/api/v1/files/{first['session_id']}/download"
                    headers = {"Authorization": f"Bearer {person.api.token}"}
                    async with api.http.get(url, headers=headers) as response:
                        assert await response.read() == bytes(mib) + b"\1" * mib

    asyncio.run(scenario())
