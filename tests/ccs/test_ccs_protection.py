"""Servers with tight limits: rate limits, load shedding, draining, the audit log."""

from __future__ import annotations

import asyncio
import resource
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import asyncpg
import psutil
from ccs_lab import PASSWORD, Answer, Api, closed_with, new_person, visit
from server_lab import Server, new_database, server, servers

REDIS_DATABASE = 7  # of this file


@asynccontextmanager
async def lonely(postgres: Any, redis: Any, *arguments: str, **options: Any) -> AsyncIterator[Server]:
    async with new_database(postgres.url) as database:
        with server(database, own(redis), *arguments, **options) as one:
            yield one


def own(redis: Any) -> str:
    return f"{redis.url.rpartition('/')[0]}/{REDIS_DATABASE}"


def address() -> dict[str, str]:
    """A client address that nobody has had before."""
    return {"X-Forwarded-For": f"{uuid.uuid4().hex}, 10.0.0.1"}


def test_an_address_gets_its_rate_and_no_more_over_all_instances(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with new_database(postgres.url) as database:
            with servers(2, database, own(redis), "--rate-general", "20", "--rate-window", "600") as instances:
                async with aiohttp.ClientSession() as http:
                    apis = [Api(http, instance.url) for instance in instances]
                    mine = address()
                    answers = [await apis[n % 2].get("/auth/me", headers=mine) for n in range(30)]
                    counted = Counter(answer.status for answer in answers)
                    assert counted == {401: 20, 429: 10}
                    first, last = answers[0], answers[-1]
                    assert (first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == ("20", "19")
                    assert last.code == "RATE_LIMIT_EXCEEDED"
                    assert last.headers["RateLimit-Remaining"] == "0"
                    assert 1 <= int(last.headers["Retry-After"]) <= 1200
                    other = await apis[0].get("/auth/me", headers=address())
                    assert other.status == 401
                    assert (await apis[0].get("/health", headers=mine)).status == 200

    asyncio.run(scenario())


def test_a_user_has_a_rate_wherever_they_come_from_and_logins_one_of_their_own(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with lonely(postgres, redis, "--rate-general", "30", "--rate-login", "5") as one, visit(one.url) as api:
            person = await new_person(api)
            answers = [await person.api.get("/auth/me", headers=address()) for _ in range(35)]
            assert Counter(answer.status for answer in answers) == {200: 30, 429: 5}
            login = {"email": person.email, "password": PASSWORD, "device_name": "d", "device_type": "web"}
            mine = address()
            statuses = [(await api.post("/auth/login", login, headers=mine)).status for _ in range(7)]
            assert statuses == [200] * 5 + [429] * 2

    asyncio.run(scenario())


def test_large_limits_are_kept_although_instances_count_by_themselves(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with lonely(postgres, redis, "--rate-general", "2000") as one, visit(one.url) as api:
            mine = address()

            async def ask(times: int) -> Counter[int]:
                return Counter([(await api.get("/auth/me", headers=mine)).status for _ in range(times)])

            counted = sum(await asyncio.gather(*(ask(250) for _ in range(10))), Counter[int]())
            assert counted[401] == 2000
            assert counted[429] == 500

    asyncio.run(scenario())


def test_too_many_requests_at_a_time_are_refused_and_the_rest_is_served(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with lonely(postgres, redis, "--max-in-flight", "4") as one, visit(one.url) as api:
            body = {"email": "nobody@example.org", "password": "x", "device_name": "d", "device_type": "web"}
            answers = await asyncio.gather(*(api.post("/auth/login", body) for _ in range(60)))
            counted = Counter(answer.status for answer in answers)
            assert counted[401] >= 4
            assert counted[503] == 60 - counted[401] > 0
            shed = next(answer for answer in answers if answer.status == 503)
            assert (shed.code, shed.headers["Retry-After"]) == ("OVERLOADED", "1")
            assert (await api.post("/auth/login", body)).status == 401
            assert f'ccs_requests_shed_total{{reason="requests"}} {counted[503]}' in (await api.get("/metrics")).body

    asyncio.run(scenario())


def test_a_server_without_descriptors_says_so_and_recovers(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        few = ("prlimit", "--nofile=120")
        async with lonely(postgres, redis, program=few) as one, visit(one.url) as api:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as crowd:
                sockets = []
                with suppress(aiohttp.ClientError):
                    for _ in range(100):
                        sockets.append(await crowd.ws_connect(one.url + "/ws"))  # noqa: PERF401 - kept on an error
                status = await eventually_status(api, 503)
                assert status == 503
                assert len(sockets) >= 40
            assert await eventually_status(api, 401) == 401

    asyncio.run(scenario())


def test_a_server_may_have_as_many_descriptors_as_the_system_lets_it(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with lonely(postgres, redis, program=("prlimit", "--nofile=256:4096")) as one:
            assert psutil.Process(one.process.pid).rlimit(psutil.RLIMIT_NOFILE) == (4096, 4096)

    asyncio.run(scenario())


def test_too_much_memory_sheds_load_until_it_is_given_back(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with lonely(postgres, redis, "--max-memory", "130") as one, visit(one.url) as api:
            assert (await api.get("/auth/me")).status == 401
            async with aiohttp.ClientSession() as http:

                async def slow_body() -> AsyncIterator[bytes]:
                    for _ in range(9):
                        yield b"x" * 1_000_000
                    await done.wait()

                done = asyncio.Event()
                posts = [asyncio.create_task(post(http, one.url, slow_body())) for _ in range(12)]
                assert await eventually_status(api, 503) == 503
                done.set()
                await asyncio.gather(*posts)
            assert await eventually_status(api, 401) == 401

    asyncio.run(scenario())


def test_a_server_near_its_limit_of_memory_refuses_what_needs_more_and_goes_on_afterwards(
    postgres: Any, redis: Any
) -> None:
    async def scenario() -> None:
        async with lonely(postgres, redis) as one, visit(one.url) as api:
            person = await new_person(api)
            limit_memory(one.process.pid, spare=20_000_000)
            async with aiohttp.ClientSession() as http:
                posts = [asyncio.create_task(post(http, one.url, large_body())) for _ in range(12)]
                await asyncio.gather(*posts)
            assert one.process.poll() is None
            limit_memory(one.process.pid, spare=1_000_000)
            refused = await api.get("/auth/me")
            assert (refused.status, refused.code, refused.headers["Retry-After"]) == (503, "OVERLOADED", "1")
            assert (await api.get("/health")).status == 200
            limit_memory(one.process.pid, spare=500_000_000)
            assert await eventually_status(api, 401) == 401
            assert (await person.api.get("/auth/me")).status == 200
            assert 'ccs_requests_shed_total{reason="memory"}' in (await api.get("/metrics")).body

    asyncio.run(scenario())


def limit_memory(pid: int, *, spare: int) -> None:
    """Let a process have so many bytes more than it has now."""
    most = psutil.Process(pid).memory_info().vms + spare
    resource.prlimit(pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


async def large_body() -> AsyncIterator[bytes]:
    for _ in range(9):
        yield b"x" * 1_000_000


async def post(http: aiohttp.ClientSession, url: str, body: AsyncIterator[bytes]) -> None:
    with suppress(aiohttp.ClientError):
        await (await http.post(f"{url}/api/v1/auth/login", data=body)).read()


async def eventually_status(api: Api, wanted: int) -> int:
    """Ask until the answer is the one that is wanted, for a while; return the last one."""
    give_up = time.monotonic() + 15
    while True:
        status = (await api.get("/auth/me")).status
        if status == wanted or time.monotonic() > give_up:
            return status
        await asyncio.sleep(0.05)


def test_a_stop_lets_requests_end_closes_websockets_and_leaves_with_status_0(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with lonely(postgres, redis, "--drain-delay", "0.5") as one, visit(one.url) as api:
            person = await new_person(api)
            async with person.websocket() as socket:
                form = {"email": person.email, "password": PASSWORD, "device_name": "d", "device_type": "web"}
                one.terminate()
                health = await draining(api)
                assert (health.status, health.body["status"]) == (503, "degraded")
                assert health.headers["Connection"] == "close"
                assert (await api.post("/auth/login", form)).status == 200  # still served
                assert await closed_with(socket) == 1001
            assert await asyncio.to_thread(one.process.wait, 10) == 0

    asyncio.run(scenario())


def test_a_request_that_is_being_answered_survives_the_stop(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with lonely(postgres, redis, "--drain-delay", "1") as one, visit(one.url) as api:
            person = await new_person(api)
            half = asyncio.Event()

            async def body() -> AsyncIterator[bytes]:
                yield b'{"display_name": '
                await half.wait()
                yield b'"Survivor"}'

            headers = {"Authorization": f"Bearer {person.api.token}", "Content-Type": "application/json"}
            url = f"{one.url}/api/v1/users/profile"
            answer = asyncio.create_task(api.http.put(url, data=body(), headers=headers))
            await until_in_flight(api)
            one.terminate()
            await draining(api)
            half.set()
            async with await answer as response:
                assert (await response.json())["data"]["user"]["display_name"] == "Survivor"
            assert await asyncio.to_thread(one.process.wait, 10) == 0

    asyncio.run(scenario())


async def draining(api: Api) -> Answer:
    """The first answer about its health of a server that stops."""
    async with asyncio.timeout(10):
        while (health := await api.get("/health")).status == 200:
            pass
    return health


async def until_in_flight(api: Api) -> None:
    async with asyncio.timeout(10):
        while "ccs_requests_in_flight 1" not in (await api.get("/metrics")).body:  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.01)


def test_what_concerns_security_is_in_the_audit_log(postgres: Any, redis: Any) -> None:
    async def scenario() -> None:
        async with new_database(postgres.url) as database:
            with server(database, own(redis)) as one:
                async with visit(one.url) as api:
                    person, stranger = await new_person(api), await new_person(api)
                    form = {"email": person.email, "password": "wrong", "device_name": "d", "device_type": "web"}
                    await api.post("/auth/login", form, headers={"X-Forwarded-For": "10.1.2.3"})
                    conversation = await person.conversation()
                    await stranger.api.get(f"/conversations/{conversation}/messages")
                    async with person.websocket() as socket:
                        await socket.send_json(person.frame(userId=stranger.user_id))
                        await socket.receive()
                    await person.api.post("/auth/logout")
                one.terminate()
                await asyncio.to_thread(one.process.wait, 10)
            connection = await asyncpg.connect(database)
            rows = await connection.fetch("SELECT user_id::text, event, detail::text FROM security_audit_log")
            await connection.close()
        events = {(user, event) for user, event, _ in rows}
        for event in ("registered", "logged in", "login failed", "frame in another name", "logged out"):
            assert (person.user_id, event) in events
        assert (stranger.user_id, "permission denied") in events
        assert any("10.1.2.3" in detail for _, event, detail in rows if event == "login failed")

    asyncio.run(scenario())
