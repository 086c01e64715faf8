"""Started for real use: several workers on one port, TLS, and what ends with what."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
import trustme
from ccs_lab import Api, new_person, receive, visit
from server_lab import Server, new_database, server

REDIS_DATABASE = 9  # of this file


def own(redis: Any) -> str:
    return f"{redis.url.rpartition('/')[0]}/{REDIS_DATABASE}"


async def instances(url: str, count: int) -> set[str]:
    """The ids of all instances that answer, as soon as there are so many: every request has a connection of its own."""
    found: set[str] = set()
    async with asyncio.timeout(30):
        while len(found) < count:
            async with aiohttp.ClientSession() as http:
                found.add((await Api(http, url).get("/health")).headers["X-Instance-ID"])
    return found


def workers_of(parent: Server) -> list[psutil.Process]:
    return psutil.Process(parent.process.pid).children()


async def gone(processes: list[psutil.Process]) -> bool:
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, 10)
    return not alive


def test_workers_serve_one_port_are_replaced_and_end_with_their_parent(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with new_database(postgres.url) as database:
            with server(database, own(redis), "--workers", "2", "--instance-id", "two") as parent:
                assert await instances(parent.url, 2) == {"two-1", "two-2"}
                async with visit(parent.url) as api:
                    person = await new_person(api)
                    assert {(await person.api.get("/auth/me")).status for _ in range(10)} == {200}
                before = workers_of(parent)
                before[0].kill()
                assert await instances(parent.url, 2) == {"two-1", "two-2"}
                after = workers_of(parent)
                parent.terminate()
                assert await asyncio.to_thread(parent.process.wait, 15) == 0
                assert await gone(after)

    asyncio.run(scenario())


def test_workers_do_not_outlive_a_parent_that_was_killed(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with new_database(postgres.url) as database:
            with server(database, own(redis), "--workers", "2") as parent:
                workers = workers_of(parent)
                assert len(workers) == 2
                parent.process.send_signal(signal.SIGKILL)
                assert await gone(workers)

    asyncio.run(scenario())


def test_tls_carries_requests_and_websockets(postgres: Any, redis: Any, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(tmp_path / "cert.pem", append=True)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    files = ("--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem"))

    async def scenario() -> None:
        async with new_database(postgres.url) as database:
            with server(database, own(redis), *files) as one:
                assert one.url.startswith("https://")
                async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
                    person = await new_person(Api(http, one.url))
                    other = await person.again()
                    async with person.websocket() as sender, other.websocket() as receiver:
                        frame = person.frame(toDeviceId=other.device_id, payload="x" * 100_000)
                        await sender.send_json(frame)
                        assert await receive(receiver) == frame

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tls-cert", __file__), "--tls-cert and --tls-key belong together"),
        (("--tls-cert", "/no/such/file", "--tls-key", __file__), "--tls-cert must be a file that exists"),
        (("--workers", "0"), "--workers must be a whole number from 1 to 64"),
        (("--rate-login", "-1"), "--rate-login must be"),
    ],
)
def test_options_that_cannot_be_used_are_named(arguments: tuple[str, ...], said: str) -> None:
    backends = ("--database", "postgresql://127.0.0.1:1/x", "--redis", "redis://127.0.0.1:1")
    command = [sys.executable, "-P", "-m", "pytest_roo_load.ccs", *backends, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_a_worker_that_cannot_start_ends_them_all(redis: Any) -> None:
    backends = ("--database", "postgresql://127.0.0.1:1/x", "--redis", redis.url, "--startup-timeout", "0.2")
    command = [sys.executable, "-P", "-m", "pytest_roo_load.ccs", *backends, "--workers", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env={**os.environ})
    assert ended.returncode == 1
    assert "PostgreSQL did not answer within 0.2 s" in ended.stderr
    assert "before it was ready" in ended.stderr
