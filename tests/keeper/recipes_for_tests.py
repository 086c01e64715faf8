"""Small services with which the keeper is tested; loaded by the keeper's process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from pytest_roo_load.core.faults.breakage import MakeBreakage
from pytest_roo_load.core.recipe import Command, Host, Process, Recipe, Started

SHELL = "/bin/sh"


class Script:
    """A service that is a shell script; it is ready when it has written the line `ready`."""

    advice = "This is what to do."
    options: tuple[str, ...] = ("colour",)
    faults: Mapping[str, MakeBreakage] = {}

    def __init__(
        self, name: str, script: str, needs: tuple[str, ...] = (), stop: signal.Signals = signal.SIGKILL
    ) -> None:
        self.name = name
        self._script = script
        self._needs = needs
        self._stop = stop

    def needs(self, options: Mapping[str, str]) -> tuple[str, ...]:
        assert isinstance(options, Mapping)
        return self._needs

    async def start(self, host: Host) -> Started:
        url = f"test://{self.name}"
        host.announce(url)
        for need in self._needs:
            url += f"+{await host.address(need)}"
        environment = {**os.environ, "FOLDER": str(host.folder)}
        command = Command(argv=(SHELL, "-c", self._script), environment=environment, stop_signal=self._stop)
        process = await host.spawn(command)

        async def ready(process: Process) -> bool | None:
            return True if "ready\n" in process.output() else None

        await host.ready(process, ready)
        return Started(url=url, version="1.0", from_template=None)


class Twins(Script):
    """A service of two processes."""

    async def start(self, host: Host) -> Started:
        for _ in range(2):
            started = await super().start(host)
        return started


class Listener(Script):
    """Says that it is at the address in its option, where somebody else listens."""

    async def start(self, host: Host) -> Started:
        await super().start(host)
        host.announce(host.options["colour"])
        return Started(url=host.options["colour"])


class Mover(Script):
    """Announces an address, waits until its follower has started there, and moves to another one."""

    async def start(self, host: Host) -> Started:
        host.announce("test://old")
        process = await host.spawn(Command(argv=(SHELL, "-c", self._script), environment=os.environ))
        marker = host.folder.parent / "follower" / "started"

        async def followed(_: Process) -> bool | None:
            return True if marker.exists() else None

        await host.ready(process, followed)
        host.announce("test://new")
        return Started(url="test://new")


class Follower(Script):
    """Is ready only at the second address that it is told."""

    async def start(self, host: Host) -> Started:
        address = await host.address("mover")
        process = await host.spawn(Command(argv=(SHELL, "-c", self._script), environment=os.environ))
        (host.folder / "started").touch()

        async def ready(_: Process) -> bool | None:
            return True if address == "test://new" else None

        await host.ready(process, ready)
        return Started(url=address)


class Helper(Script):
    """Prepares itself with a program that fails."""

    async def start(self, host: Host) -> Started:
        await host.run(Command(argv=(SHELL, "-c", self._script), environment=os.environ))
        return Started(url="test://never")


class Defect(Script):
    """A recipe with a defect."""

    async def start(self, host: Host) -> Started:
        return Started(url=host.options["missing"])


# Takes as many bytes as are written to its file `eat`: as the process itself, or as a child of it.
MEAL = 'until [ -e "$FOLDER/eat" ]; do sleep 0.02; done; size=$(cat "$FOLDER/eat"); rm "$FOLDER/eat"'
CODE = 'import sys, time; held = b"x" * int(sys.argv[1]); print("full", flush=True); time.sleep(1000)'
EAT = f"{sys.executable} -c '{CODE}' $size"
LINES = "for line in $(seq 1 30); do echo line $line; done"
ALL: tuple[Recipe, ...] = (
    Script("plain", "echo ready; exec sleep 1000"),
    Script("needy", "echo ready; exec sleep 1000", needs=("plain",)),
    Script("broken", f"{LINES}; exit 3"),
    Script("fragile", "exec sleep 1000", needs=("broken",)),
    Script("stubborn", "trap '' TERM; echo ready; while true; do sleep 0.1; done", stop=signal.SIGTERM),
    Script("mother", "setsid sleep 1000 & echo ready; exec sleep 1000"),
    Script("mortal", 'echo ready; while [ ! -e "$FOLDER/die" ]; do sleep 0.02; done; exit 7'),
    Script("slow", "exec sleep 1000"),
    Script("once", '[ -e "$FOLDER/x" ] && echo I start once && exit 1; touch "$FOLDER/x"; echo ready; exec sleep 1000'),
    Script("tardy", '[ -e "$FOLDER/x" ] && sleep 0.5; touch "$FOLDER/x"; echo ready; exec sleep 1000'),
    Script("busy", "echo ready; while true; do :; done"),
    Script("nibbler", f"echo ready; {MEAL}; exec {EAT}"),
    Script("eater", f"sleep 1000 & echo ready; {MEAL}; exec {EAT}"),
    Script("feeder", f"echo ready; while true; do {MEAL}; ({EAT} || echo ended with $?) & done"),
    Listener("listener", "echo ready; exec sleep 1000"),
    Twins("twins", "echo ready; exec sleep 1000"),
    Mover("mover", "exec sleep 1000"),
    Follower("follower", "exec sleep 1000", needs=("mover",)),
    Helper("unprepared", "echo could not prepare; exit 4"),
    Defect("defect", ""),
)


def recipes() -> Mapping[str, Recipe]:
    assert not {"numpy", "aiohttp", "asyncpg", "pytest"} & set(sys.modules)  # the keeper starts light
    assert Path.cwd() == Path("/")
    return {recipe.name: recipe for recipe in ALL}
