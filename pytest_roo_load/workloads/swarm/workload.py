"""The load on a server of WebSockets as the session performs it."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pytest_roo_load.clients.sweeper import Sweeper
from pytest_roo_load.clients.websocket.client import WebSocketClient
from pytest_roo_load.core.consistency.totals import arrived
from pytest_roo_load.core.fact import Fact
from pytest_roo_load.core.profiles import Profile, constant_users
from pytest_roo_load.core.result import Result
from pytest_roo_load.core.timeline import Second
from pytest_roo_load.core.units import Dimension
from pytest_roo_load.engine.recorder import PhaseRecorder
from pytest_roo_load.errors import OperationError, UsageError
from pytest_roo_load.workloads.choices import one_of
from pytest_roo_load.workloads.swarm.journey import WORKLOADS, member
from pytest_roo_load.workloads.swarm.part import Part
from pytest_roo_load.workloads.swarm.settings import Choices
from pytest_roo_load.workloads.swarm.tally import CONNECTED, TALLIES, Tally
from pytest_roo_load.workloads.workload import Examined, Measured, journey_of, recorded

__all__ = ["SwarmWorkload"]

_SPARE = 200
_CONNECT_S = 5.0


class SwarmWorkload:
    """See `Workload`.

    Args:
        name: echo, against any server that sends back what it gets; or relay, against a CCS.
        url: Of the server.
        server: The name of its process among the result's resources.
        choices: How it is used.

    Raises:
        UsageError: The workload is not known, or connections cannot be shared out.
    """

    def __init__(self, name: str, url: str, server: str, choices: Choices) -> None:
        one_of("workload", name, WORKLOADS)
        self._name = name
        self._url = url
        self._server = server
        self._choices = choices
        self.profile: Profile = constant_users(
            choices.users(name), choices.duration, warm_up=choices.connect_over, graceful_stop="15 s"
        )

    def __repr__(self) -> str:
        return f"<SwarmWorkload {self._name} of {self._choices.connections} connections>"

    def journeys(self) -> Mapping[Any, float]:
        """See `Workload`."""
        choices, parts = self._choices, urlsplit(self._url)
        part = Part(
            workload=self._name,
            path=self._path(),
            local=(parts.hostname or "").startswith("127.") or parts.hostname == "localhost",
            connections=choices.connections,
            interval_s=choices.interval_s,
            size=choices.size,
            devices=choices.devices,
            storm_every_s=choices.storm_every_s,
            slow_readers=choices.slow_readers,
        )
        return journey_of(member, part, self._name)

    def _path(self) -> str:
        parts = urlsplit(self._url)
        return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"

    async def prepare(self) -> None:
        """See `Workload`."""
        self._check_descriptors()
        parts = urlsplit(self._url)
        port = parts.port or (443 if parts.scheme in {"https", "wss"} else 80)
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, writer = await asyncio.open_connection(parts.hostname, port)
        except OSError as error:
            raise UsageError(
                f"the server cannot be reached: {str(error) or type(error).__name__}",
                value=f"{parts.scheme}://{parts.hostname}:{port}",
                allowed="the URL of a running server",
                remedy="start it, or correct the URL",
            ) from error
        writer.close()
        if self._name == "echo":  # whether a CCS is one the session knows
            await self._shake_hands()

    async def _shake_hands(self) -> None:
        """Open one connection, so that what is no WebSocket is known before a thousand are opened."""
        client = WebSocketClient(self._url, PhaseRecorder("before"), Sweeper())
        try:
            socket = await client.connect(self._path(), timeout_s=_CONNECT_S)
        except OperationError as error:
            raise UsageError(
                f"the server opens no WebSocket: {error}",
                value=self._path(),
                allowed="the path at which it takes WebSockets",
                remedy="correct the URL",
            ) from error
        socket.abort()

    def _check_descriptors(self) -> None:
        """Raise this process's own limit, which generators inherit, as far as that is allowed."""
        wanted = self._choices.connections + _SPARE
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < wanted <= hard or hard == resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        elif hard < wanted:
            raise UsageError(
                "so many connections need more open files than this process may have",
                value=self._choices.connections,
                allowed=f"up to {hard - _SPARE:,} here",
                remedy="raise the limit (ulimit -n), or use fewer connections",
            )

    async def watch(self) -> None:
        """See `Workload`: the session looks at the processes."""

    async def examine(self, measured: Measured) -> Examined:
        """See `Workload`."""
        result, tally = measured.result, Tally()
        for one in recorded(result, TALLIES):
            tally.add(one)
        findings = arrived("messages", tally.sent, lost=tally.lost, twice=tally.duplicated, late=tally.reordered)
        return Examined(facts=tuple(self._facts(result, tally)), findings=tuple(findings))

    def _facts(self, result: Result, tally: Tally) -> Iterator[Fact]:
        moments = sorted(recorded(result, CONNECTED))[: self._choices.connections]
        took_s = moments[-1] - moments[0] if len(moments) > 1 else 0.0
        yield Fact(name="connections", value=len(moments))
        yield Fact(
            name="connections opened per second",
            value=(len(moments) - 1) / took_s if took_s else None,
            dimension=Dimension.RATE,
        )
        yield Fact(name="messages to receivers", value=tally.sent)
        if self._name == "echo":
            yield Fact(name="messages that are no echo", value=tally.foreign)
        yield Fact(name="connections cut on purpose", value=tally.cut)
        each = 1 if self._name == "echo" else self._choices.devices
        seconds = list(result.timeline)
        for name in (self._server, "generator"):
            yield Fact(
                name=f"memory of {name} for each connection",
                value=memory_each(seconds, name, each),
                dimension=Dimension.SIZE,
            )

    async def clean_up(self) -> None:
        """See `Workload`: connections end with their users; accounts of a CCS stay, as those of every run do."""


def memory_each(seconds: list[Second], name: str, connections: int) -> float | None:
    """How much the memory of a process grew with each connection while users came; None where that cannot be said.

    Args:
        seconds: Of the load.
        name: Of the process.
        connections: Of each user.
    """
    looks = [(second.users, second.resources[name].memory_bytes) for second in seconds if name in second.resources]
    if not looks:
        return None
    (few, before), (many, after) = looks[0], max(looks, key=lambda look: look[0])
    return (after - before) / ((many - few) * connections) if many > few else None
