"""The proxy as a process: what `python -m pytest_roo_load.chaos` and `roo-load proxy` run."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import signal
import sys
from collections.abc import Sequence

import uvloop
from aiohttp import web

from pytest_roo_load.chaos.control import application
from pytest_roo_load.chaos.proxy import Proxy
from pytest_roo_load.errors import UsageError

__all__ = ["run"]

LOOPBACK = "127.0.0.1"
SERVER_AND_PORT = 2


def run(arguments: Sequence[str], program: str) -> int:
    """Be a proxy until SIGTERM or SIGINT; the exit status.

    When it is ready it writes one line of JSON: `{"ready": true, "control": URL, "links": {NAME: PORT}}`.
    """
    parser = argparse.ArgumentParser(
        prog=program, description="Carry connections to servers, and break them on purpose."
    )
    parser.add_argument(
        "--link",
        action="append",
        default=[],
        metavar="NAME=[PORT:]HOST:PORT",
        help="a link to begin with: its name, the port to listen on (default: any), and the server",
    )
    parser.add_argument("--control", type=int, default=0, metavar="PORT", help="port of the control; default: any")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of everything that is random; default: 0")
    given = parser.parse_args(arguments)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_serve(given))
    except UsageError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 2


async def _serve(given: argparse.Namespace) -> int:
    _allow_many_connections()
    proxy = Proxy(given.seed)
    for text in given.link:
        proxy.open(_link(text))
    runner = web.AppRunner(application(proxy), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, given.control).start()
        ready = {
            "ready": True,
            "control": f"http://{LOOPBACK}:{runner.addresses[0][1]}",
            "links": {name: link.port for name, link in proxy.links.items()},
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await _ended()
    finally:
        proxy.shut()
        await runner.cleanup()
    return 0


async def _ended() -> None:
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    await end.wait()


def _allow_many_connections() -> None:
    """Each connection needs two descriptors."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _link(text: str) -> dict[str, object]:
    name, equals, place = text.partition("=")
    port, _, server = place.partition(":") if place.count(":") == SERVER_AND_PORT else ("0", "", place)
    if not equals or not port.isdecimal():
        raise UsageError("not a link", value=text, allowed="NAME=[PORT:]HOST:PORT", place="option --link")
    return {"name": name, "port": int(port), "server": server}
