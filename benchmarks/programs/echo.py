"""A WebSocket server on picows and uvloop that sends back what it gets: ``python -m benchmarks.programs.echo PORT``."""

from __future__ import annotations

import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

_READ_BUFFER_BYTES = 2048


class Echo(WSListener):
    """One connection."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Part of picows' listener."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_memoryview())


async def main(port: int) -> None:
    """Serve until killed."""
    server = await ws_create_server(
        lambda _request: Echo(),
        "127.0.0.1",
        port,
        backlog=8192,
        websocket_handshake_timeout=60,
        read_buffer_init_size=_READ_BUFFER_BYTES,
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
