"""The client against servers of other makers: Node, nginx, and Envoy in front of Node. Contract tests use aiohttp."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_lab import counted, run
from real_servers import BIG, SERVERS, Certificate, serve_with

from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.http.settings import HttpSettings
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.engine.recorder import PhaseRecorder

PIECES = [b"x" * 2**16] * 32


@pytest.fixture(params=[(name, tls) for name in SERVERS for tls in (False, True)], ids=lambda it: f"{it[0]}-{it[1]}")
def client(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, HttpClient, PhaseRecorder]]:
    """A client of a real server, with TLS and without."""
    name, secured = request.param
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if missing := [binary for binary in {name, "node"} - {"nginx"} | {name} if shutil.which(binary) is None]:
        pytest.skip(f"not on PATH: {', '.join(missing)}")
    certificate = Certificate(tmp_path) if secured else None
    recorder = PhaseRecorder("steady")
    with serve_with(name, tmp_path, certificate) as url:
        settings = HttpSettings(ca_file=certificate.ca_file if certificate else None, decompress=True)
        yield name, HttpClient(url, recorder, Sweeper(), settings=settings), recorder


def test_a_real_server(client: tuple[str, HttpClient, PhaseRecorder]) -> None:
    name, http, recorder = client

    async def main() -> dict[str, Any]:
        texts = {(await http.get("/text")).text for _ in range(50)}
        pieces: list[bytes] = []
        async with http.stream("GET", "/big") as answer:
            pieces = [chunk async for chunk in answer]
        found = {
            "texts": texts,
            "head": (await http.request("HEAD", "/text")).body,
            "none": (await http.get("/none")).status,
            "big": hashlib.sha256(b"".join(pieces)).digest() == hashlib.sha256(BIG).digest(),
            "gzip": await gzipped(http),
            "whole": (await http.post("/upload", body=b"".join(PIECES))).text,
            "sized": (await http.post("/upload", body=PIECES, size_bytes=2**21)).text,
            "chunked": (await http.post("/upload", body=iter(PIECES))).text,
        }
        await http.close()
        return found

    found = run(main())
    assert found == {
        "texts": {"hello"}, "head": b"", "none": 404, "big": True, "gzip": ("gzip", True),
        "whole": str(2**21), "sized": str(2**21), "chunked": str(2**21),
    }, name  # fmt: skip
    assert sum(failed.get("status 404", 0) for _, failed, _ in counted(recorder).values()) == 1


async def gzipped(http: HttpClient) -> tuple[str | None, bool]:
    answer = await http.get("/gzip")
    return answer.headers.get("content-encoding"), answer.text in {"hello " * 1000, BIG.decode()}
