from __future__ import annotations

import asyncio
import socket

import pytest
from client_lab import counted, run, until
from raw_server import OK, Peer, answering, serving

from pytest_roo_load.clients.counting import ON_PURPOSE
from pytest_roo_load.clients.http.client import HttpClient
from pytest_roo_load.clients.http.response import Timing
from pytest_roo_load.clients.http.settings import HttpSettings
from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import ConnectError, ConnectionLost, OperationTimeout


def test_requests_one_after_the_other_use_one_connection() -> None:
    async def main() -> tuple[int, str]:
        async with serving(lambda peer: answering(peer, OK)) as server:
            client = HttpClient(server.url, PhaseRecorder("steady"), Sweeper())
            for _ in range(50):
                await client.get("/x")
            told = repr(client)
            await client.close()
            await client.close()
            await until(lambda: server.closed == 1)
            return server.accepted, told.partition(", ")[2]

    assert run(main()) == (1, "1 connections, 1 idle>")


def test_a_connection_that_was_closed_a_moment_ago_is_not_asked() -> None:
    async def main() -> tuple[int, PhaseRecorder]:
        recorder = PhaseRecorder("steady")
        async with serving(lambda peer: answering(peer, OK)) as server:
            client = HttpClient(server.url, recorder, Sweeper())
            await client.get("/x")
            await client.close()
            assert repr(client).endswith("1 connections, 0 idle>"), "the event loop has not said yet that it has ended"
            await client.get("/x")
            await client.close()
            return server.accepted, recorder

    accepted, recorder = run(main())
    assert accepted == 2
    assert counted(recorder) == {"GET /x": (2, {}, 0)}


def test_answers_that_are_alike_are_timed_each() -> None:
    async def main() -> list[Timing | None]:
        async with serving(lambda peer: answering(peer, OK)) as server:
            client = HttpClient(server.url, PhaseRecorder("steady"), Sweeper(), settings=HttpSettings(timing=True))
            timings = [(await client.get("/x")).timing for _ in range(3)]
            await client.close()
            return timings

    assert [timing is not None and timing.first_byte_s > 0 for timing in run(main())] == [True] * 3


def test_requests_at_once_get_a_connection_each_and_keep_them() -> None:
    async def main() -> tuple[int, PhaseRecorder]:
        recorder = PhaseRecorder("steady")
        everybody = asyncio.Barrier(8)

        async def talk(peer: Peer) -> None:
            await peer.request()
            await everybody.wait()
            await peer.say(OK)
            await answering(peer, OK)

        async with serving(talk) as server:
            client = HttpClient(server.url, recorder, Sweeper())
            await asyncio.gather(*(client.get("/x") for _ in range(8)))
            await asyncio.gather(*(client.get("/x") for _ in range(8)))
            await client.close()
            return server.accepted, recorder

    accepted, recorder = run(main())
    assert accepted == 8
    assert counted(recorder) == {"GET /x": (16, {}, 0)}


@pytest.mark.parametrize("last", [b"Connection: close\r\n", b""])
def test_a_connection_that_the_server_closes_is_replaced(last: bytes) -> None:
    async def main() -> tuple[int, PhaseRecorder]:
        recorder = PhaseRecorder("steady")

        async def once(peer: Peer) -> None:
            await peer.request()
            await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + last + b"\r\nok")

        async with serving(once) as server:
            client = HttpClient(server.url, recorder, Sweeper())
            for number in range(1, 4):
                await client.get("/x")
                await until(lambda: repr(client).endswith("0 connections, 0 idle>"))
                assert server.accepted == number
            return server.accepted, recorder

    accepted, recorder = run(main())
    assert accepted == 3
    assert counted(recorder) == {"GET /x": (3, {}, 0)}


def test_refused() -> None:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{plug.getsockname()[1]}"
        recorder = PhaseRecorder("steady")
        with pytest.raises(ConnectError, match=r"no connection to 127\.0\.0\.1") as caught:
            run(HttpClient(url, recorder, Sweeper()).get("/x"))
    assert caught.value.counted
    assert counted(recorder) == {"GET /x": (0, {"connection refused": 1}, 0)}


def test_reset_in_the_middle_of_an_answer() -> None:
    async def main() -> PhaseRecorder:
        recorder = PhaseRecorder("steady")

        async def talk(peer: Peer) -> None:
            await peer.request()
            await peer.say(b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nsome")
            peer.reset()

        async def reset(peer: Peer) -> None:
            await peer.request()
            peer.reset()

        for way in (reset, talk):
            async with serving(way) as server:
                client = HttpClient(server.url, recorder, Sweeper())
                with pytest.raises(ConnectionLost):
                    await client.get("/x")
                await client.close()
        return recorder

    assert counted(run(main())) == {"GET /x": (0, {"connection lost": 2}, 0)}


def test_servers_that_hang_up_at_once_leave_nothing_behind() -> None:
    async def main() -> tuple[str, str, PhaseRecorder]:
        recorder, sweeper = PhaseRecorder("steady"), Sweeper()

        async def hang_up(peer: Peer) -> None:
            peer.reset()

        async with serving(hang_up) as server:
            client = HttpClient(server.url, recorder, sweeper)
            for _ in range(100):
                with pytest.raises((ConnectionLost, ConnectError)):
                    await client.get("/x")
            await until(lambda: "0 connections" in repr(client))
            return repr(client), repr(sweeper), recorder

    client, sweeper, recorder = run(main())
    assert client.endswith("0 connections, 0 idle>")
    assert sweeper == "<Sweeper watching 0>"
    ((ok, failures, interrupted),) = counted(recorder).values()
    assert (ok, sum(failures.values()), interrupted) == (0, 100, 0)


def test_a_deadline_holds_while_connecting() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)  # noqa: FBT003 - the socket module's own
            one.connect_ex(full.getsockname())
        recorder = PhaseRecorder("steady")
        client = HttpClient(f"http://127.0.0.1:{full.getsockname()[1]}", recorder, Sweeper())
        with pytest.raises(OperationTimeout):
            run(client.get("/x", timeout_s=0.1))
        for one in crowd:
            one.close()
    assert counted(recorder) == {"GET /x": (0, {"timeout": 1}, 0)}


@pytest.mark.parametrize(
    ("interrupting", "message", "counts"),
    [
        (False, None, (0, {"cancelled": 1}, 0)),
        (False, ON_PURPOSE, (0, {}, 0)),
        (True, None, (0, {}, 1)),
    ],
)
def test_a_cancelled_request_has_failed_unless_the_load_is_over_or_it_is_played_and_its_connection_is_closed(
    *, interrupting: bool, message: str | None, counts: tuple[int, dict[str, int], int]
) -> None:
    async def main() -> tuple[str, PhaseRecorder]:
        recorder = PhaseRecorder("steady")
        asked = asyncio.Event()

        async def talk(peer: Peer) -> None:
            await peer.request()
            asked.set()
            await peer.until_gone()

        async with serving(talk) as server:
            sweeper = Sweeper()
            sweeper.interrupting = interrupting
            client = HttpClient(server.url, recorder, sweeper)
            request = asyncio.create_task(client.get("/x"))
            await asked.wait()
            request.cancel(message)
            with pytest.raises(asyncio.CancelledError):
                await request
            await until(lambda: server.closed == 1)
            return repr(client), recorder

    client, recorder = run(main())
    assert client.endswith("0 connections, 0 idle>")
    assert counted(recorder) == {"GET /x": counts}


def test_closing_the_client_fails_what_is_in_flight() -> None:
    async def main() -> PhaseRecorder:
        recorder = PhaseRecorder("steady")
        asked = asyncio.Event()

        async def talk(peer: Peer) -> None:
            await peer.request()
            asked.set()
            await peer.until_gone()

        async with serving(talk) as server:
            client = HttpClient(server.url, recorder, Sweeper())
            request = asyncio.create_task(client.get("/x"))
            await asked.wait()
            await client.close()
            with pytest.raises(ConnectionLost):
                await request
        return recorder

    assert counted(run(main())) == {"GET /x": (0, {"connection lost": 1}, 0)}
