"""Ports: free, below the ephemeral range, kept for the service, tried again when somebody was quicker."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from service_fakes import FakeHost, FakeProcess

from pytest_roo_load.core.recipe import Command, Host, Process
from pytest_roo_load.errors import ServiceError, UsageError
from pytest_roo_load.services import ports
from pytest_roo_load.services.serving import serve

TAKEN = "could not bind: Address already in use"


class Server:
    """A server whose process ends, or says `hello`."""

    def __init__(self, host: Host) -> None:
        self.ports: list[int] = []
        self._host = host

    def url(self, port: int) -> str:
        return f"test://{port}"

    async def begin(self, port: int) -> Process:
        self.ports.append(port)
        return await self._host.spawn(Command(argv=("/bin/server", str(port)), environment={}))

    async def probe(self, port: int, process: Process) -> str | None:
        assert port == self.ports[-1]
        return process.output()


def started(folder: Path, *processes: FakeProcess, port: str | None = None) -> tuple[Server, FakeHost, str]:
    host = FakeHost(folder, list(processes), {} if port is None else {"port": port})
    server = Server(host)
    _, answer = asyncio.run(serve(host, server))
    return server, host, answer


def test_a_free_port_is_below_what_the_kernel_gives_to_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    port = ports.free_port()
    assert ports.FIRST <= port <= ports.LAST < lowest


def test_a_reserved_port_is_taken_for_others_and_free_for_the_service() -> None:
    with ports.reserved() as port, socket.socket() as other, socket.socket() as service:
        with pytest.raises(UsageError, match="the port is in use"), ports.reserved(port):
            pass
        with pytest.raises(OSError, match="in use"):
            other.bind((ports.LOOPBACK, port))
        service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        service.bind((ports.LOOPBACK, port))
        service.listen()
        with socket.create_connection((ports.LOOPBACK, port)) as client:
            assert client.getpeername() == (ports.LOOPBACK, port)


@pytest.mark.parametrize("text", ["", "0", "-1", "65536", "12x", "٣"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a port"):
        ports.parse_port(text)


def test_parse_port() -> None:
    assert ports.parse_port("65535") == 65535
    assert ports.parse_port(None) is None


def test_a_server_that_lost_its_port_is_started_on_another_one(tmp_path: Path) -> None:
    lost = FakeProcess(1, exit_status=1, output=TAKEN)
    server, host, answer = started(tmp_path, lost, FakeProcess(2, output="hello"))
    assert answer == "hello"
    assert len(set(server.ports)) == 2
    assert host.announced == [server.url(port) for port in server.ports]


def test_a_server_that_ends_for_another_reason_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="ended with 1"):
        started(tmp_path, FakeProcess(1, exit_status=1, output="no memory"))


def test_a_port_that_was_asked_for_is_not_exchanged(tmp_path: Path) -> None:
    port = str(ports.free_port())
    with pytest.raises(ServiceError):
        started(tmp_path, FakeProcess(1, exit_status=1, output=TAKEN), port=port)
    server, _, _ = started(tmp_path, FakeProcess(1, output="hello"), port=port)
    assert server.ports == [int(port)]


def test_attempts_are_limited(tmp_path: Path) -> None:
    lost = [FakeProcess(number, exit_status=1, output=TAKEN) for number in range(6)]
    with pytest.raises(ServiceError, match="ended with 1"):
        started(tmp_path, *lost)
