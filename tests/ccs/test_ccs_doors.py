"""A crowd gets in although the event loop has few turns."""

import asyncio
import socket

import uvloop

from pytest_roo_load.ccs.listening import doors

CROWD = 64


async def turns_until_all_are_in(sockets: list[socket.socket]) -> int:
    loop = asyncio.get_running_loop()
    entered: list[asyncio.BaseTransport] = []

    class Visit(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            entered.append(transport)

    servers = [await loop.create_server(Visit, sock=one, backlog=CROWD) for one in sockets]
    crowd = [socket.create_connection(sockets[0].getsockname()) for _ in range(CROWD)]
    turns = 0
    while len(entered) < CROWD:
        turns += 1
        await asyncio.sleep(0)
    for transport in entered:
        transport.close()
    for client in crowd:
        client.close()
    for server in servers:
        server.close()
    await asyncio.sleep(0)
    return turns


def test_many_connections_are_taken_in_a_turn() -> None:
    async def scenario() -> tuple[int, int]:
        one, several = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
        return await turns_until_all_are_in([one]), await turns_until_all_are_in(doors(several, 16))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        with_one, with_several = runner.run(scenario())
    assert with_several * 4 < with_one
