"""What a process of the run says to the keeper."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, Self

from pytest_roo_load.core.faults.fault import Fault, FaultRecord
from pytest_roo_load.core.recipe import ServiceInfo
from pytest_roo_load.errors import KeeperError
from pytest_roo_load.keeper import wire
from pytest_roo_load.keeper.folder import Folder
from pytest_roo_load.keeper.identity import Identity
from pytest_roo_load.keeper.launch import LOG, KeeperSettings, connect, connect_or_start
from pytest_roo_load.keeper.leftovers import clear

__all__ = ["Keeper", "KeeperSettings", "ServiceInfo"]

ENSURE_S = 75.0  # above the keeper's own limit for a start, whose error says more
ANSWER_S = 10.0
SHUTDOWN_S = 15.0
POLL_S = 0.01

Strangers = Mapping[str, tuple[str, Sequence[int]]]  # name -> URL and processes of what the keeper has not started


class Keeper:
    """Client of the run's keeper; starts it when nobody has.

    May be used from several threads and processes at once: every request has a connection of its own. Every wait has
    a deadline and ends at once with a KeyboardInterrupt in the main thread. A keeper that was killed takes its
    services with it and is not replaced behind the back of a client that has spoken to it.

    Raises:
        KeeperError: The folder cannot be used.
    """

    def __init__(self, settings: KeeperSettings) -> None:
        self.settings = settings
        self._folder = Folder(settings.folder)
        self._known: Identity | None = None
        self._shut = False

    def __repr__(self) -> str:
        return f"<Keeper {self.settings.folder}: {self._state()}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def ensure(self, name: str, **options: str | None) -> ServiceInfo:
        """The service, ready; started with what it needs unless it runs already.

        All callers in all processes of the run share one service of each name. The first call decides the options;
        an option of None counts as not given.

        Raises:
            UsageError: There is no such service or option, or it runs with other options.
            ServiceError: It could not be started, or it has died since; the text has the end of its log.
            KeeperError: The keeper could not be started, has died or was shut down.
        """
        if self._shut:
            raise KeeperError(f"{name} was not started: the keeper of {self.settings.folder} was shut down")
        request = {"do": "ensure", "name": name, "options": options}
        return wire.info_from(self._ask(self._started(), request, deadline_s=ENSURE_S))

    def start(self) -> None:
        """Start the keeper itself unless it runs: for what lies in its folder, which it deletes however the run ends.

        Raises:
            KeeperError: It could not be started, or has died.
        """
        self._ask(self._started(), {"do": "services"}, deadline_s=ANSWER_S)

    def services(self) -> dict[str, ServiceInfo]:
        """What runs now and is ready; nothing is started, so it is empty without a keeper."""
        connection = connect(self._folder)
        if connection is None:
            return {}
        found = self._ask(connection, {"do": "services"}, deadline_s=ANSWER_S)
        return {name: wire.info_from(info) for name, info in found.items()}

    def check_faults(self, faults: Iterable[Fault], strangers: Strangers = MappingProxyType({})) -> None:
        """Look whether faults can be carried out; starts the keeper when there is none.

        Args:
            faults: What is broken when, and mended when.
            strangers: URL and processes of targets that the keeper has not started.

        Raises:
            UsageError: One cannot be carried out on its target.
            KeeperError: The keeper could not be started or has died.
        """
        request = {"do": "check faults", **_planned(faults, strangers)}
        self._ask(self._started(), request, deadline_s=ANSWER_S)

    def begin_faults(self, start: float, faults: Iterable[Fault], strangers: Strangers = MappingProxyType({})) -> None:
        """Have faults carried out from now on.

        Args:
            start: The load's start on the monotonic clock.
            faults: See `check_faults`.
            strangers: See `check_faults`.

        Raises:
            UsageError: One cannot be carried out on its target; nothing will be broken.
            KeeperError: There is no keeper, or the faults of another load have not ended.
        """
        self._tell({"do": "begin faults", "start": start, **_planned(faults, strangers)})

    def faults(self) -> tuple[FaultRecord, ...]:
        """What has become of the faults so far."""
        return tuple(map(FaultRecord.from_dict, self._tell({"do": "faults"})))

    def end_faults(self) -> tuple[FaultRecord, ...]:
        """Have nothing more broken and everything mended; what has become of the faults."""
        return tuple(map(FaultRecord.from_dict, self._tell({"do": "end faults"}, deadline_s=ENSURE_S)))

    def mend(self) -> None:
        """Have mended what a process of the run that has ended meanwhile has left broken; nothing without a keeper.

        To be called while no other process of the run generates load.

        Raises:
            KeeperError: It has not been mended in time.
        """
        connection = connect(self._folder)
        if connection is not None:
            self._ask(connection, {"do": "end faults"}, deadline_s=ENSURE_S)

    def shutdown(self) -> None:
        """Stop all services, end the keeper and delete the folder; returns when they are gone. Idempotent.

        What another process of the run starts afterwards lives until the owner ends.

        Raises:
            KeeperError: The keeper did not end in time.
        """
        self._shut = True
        deadline = time.monotonic() + SHUTDOWN_S
        while self.settings.folder.exists():
            connection = connect(self._folder)
            lock = None if connection else self._folder.lock()
            if connection:
                self._end(connection)
            elif lock is not None:
                self._remove(lock)
                return
            else:
                time.sleep(POLL_S)  # a keeper that starts or ends has the lock
            if time.monotonic() > deadline:
                raise KeeperError(
                    f"the keeper of {self.settings.folder} did not end within {SHUTDOWN_S:.0f} s; "
                    f"see {self.settings.logs / LOG}"
                )

    def _started(self) -> socket.socket:
        """A connection to the keeper, which is started if there was none so far."""
        connection = connect(self._folder)
        if connection is None:
            self._refuse_if_died()
            connection = connect_or_start(self.settings, self._folder)
        return connection

    def _tell(self, request: dict[str, Any], *, deadline_s: float = ANSWER_S) -> Any:
        """What the keeper that serves answers; none is started for it."""
        connection = connect(self._folder)
        if connection is None:
            self._refuse_if_died()
            raise KeeperError("nothing can be broken: no service was started, so there is no keeper")
        return self._ask(connection, request, deadline_s=deadline_s)

    def _state(self) -> str:
        if self._shut:
            return "shut down"
        if self._known is None:
            return "not asked yet"
        return f"process {self._known.pid} {'serves' if self._known.alive else 'has died'}"

    def _refuse_if_died(self) -> None:
        if self._known is not None:
            raise KeeperError(
                f"the keeper, process {self._known.pid}, has ended and its services with it; "
                f"see {self.settings.logs / LOG}, and run again"
            )

    def _ask(self, connection: socket.socket, request: dict[str, Any], *, deadline_s: float) -> Any:
        with connection:
            answer = wire.decode(_exchange(connection, wire.encode(request), deadline_s=deadline_s))
        keeper = Identity.parse(answer["keeper"])
        if self._known not in (None, keeper):
            self._refuse_if_died()
        self._known = keeper
        if "error" in answer:
            raise wire.error_from(answer["error"])
        return answer["value"]

    def _end(self, connection: socket.socket) -> None:
        """Ask for the end and wait until the keeper's process has gone."""
        request = wire.encode({"do": "shutdown"})
        deadline = time.monotonic() + SHUTDOWN_S
        with connection:
            answer = _exchange(connection, request, deadline_s=SHUTDOWN_S, to_the_end=True)
        if answer:  # else it was killed meanwhile; the caller looks at the folder again
            keeper = Identity.parse(wire.decode(answer)["keeper"])
            while keeper.alive and time.monotonic() < deadline:
                time.sleep(POLL_S)

    def _remove(self, lock: int) -> None:
        """Delete a folder whose keeper is gone, and what it may have left running."""
        try:
            clear(self._folder)
            self._folder.remove()
        finally:
            os.close(lock)


def _planned(faults: Iterable[Fault], strangers: Strangers) -> dict[str, Any]:
    return {"faults": [fault.to_dict() for fault in faults], "strangers": dict(strangers)}


def _exchange(connection: socket.socket, request: bytes, *, deadline_s: float, to_the_end: bool = False) -> bytes:
    """Send a line, return the line that comes back; with `to_the_end` only when the other side has closed."""
    deadline = time.monotonic() + deadline_s
    answer = b""
    try:
        connection.settimeout(deadline_s)
        connection.sendall(request)
        while to_the_end or not answer.endswith(b"\n"):
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            received = connection.recv(65536)
            if not received:
                break
            answer += received
    except TimeoutError as error:
        raise KeeperError(f"the keeper did not answer within {deadline_s:.0f} s") from error
    except ConnectionError:
        answer = b""  # it was killed
    if not answer and not to_the_end:
        raise KeeperError("the keeper was killed before it answered, and its services with it: run again")
    return answer
