"""A service, or one of its processes, as a fault sees it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_roo_load.errors import ServiceError, UsageError
from pytest_roo_load.keeper.identity import Identity
from pytest_roo_load.keeper.leftovers import descendants
from pytest_roo_load.keeper.processes import Child
from pytest_roo_load.keeper.service import Service

__all__ = ["OwnPatient", "Stranger", "patient_named"]


def patient_named(name: str, services: Mapping[str, Service], folder: Path, others: Iterable[str] = ()) -> OwnPatient:
    """The service of this name, or the K-th process of a service for NAME-K.

    Args:
        name: What was asked for.
        services: What the keeper has started.
        folder: Where faults may put files.
        others: Names of what could be broken besides, for the message.

    Raises:
        UsageError: There is none.
    """
    base, number = name, None
    if name not in services and (match := re.fullmatch(r"(.+)-([1-9]\d*)", name)):
        base, number = match[1], int(match[2])
    service = services.get(base)
    if service is None or (number is not None and number > len(service.processes)):
        raise UsageError("nothing to break of this name", value=name, allowed=_allowed(services, others))
    return OwnPatient(name, service, None if number is None else number - 1, folder)


def _allowed(services: Mapping[str, Service], others: Iterable[str]) -> str:
    names = [*others, *(name for service in services.values() for name in _names(service))]
    return ", ".join(names) or "nothing: no service runs"


def _names(service: Service) -> list[str]:
    own, count = service.recipe.name, len(service.processes)
    return [own, *(f"{own}-{number}" for number in range(1, count + 1) if count > 1)]


class OwnPatient:
    """What the keeper has started. Implements `core.faults.breakage.Patient`.

    Args:
        place: Which of its processes is meant; None for all.
    """

    def __init__(self, name: str, service: Service, place: int | None, folder: Path) -> None:
        self.name = name
        self.service = service
        self.folder = folder
        self._place = place

    def __repr__(self) -> str:
        return f"<OwnPatient {self.name} of {self.service!r}>"

    @property
    def url(self) -> str:
        """Where it is reached."""
        return self.service.url or ""

    def processes(self) -> tuple[Identity, ...]:
        """Its main processes as they are now."""
        return tuple(child.identity for child in self._children())

    def tree(self) -> tuple[Identity, ...]:
        """Its main processes and all that these have started."""
        return tuple(one for root in self.processes() for one in (root, *descendants(root.pid)))

    async def restart(self, *, slow_s: float = 0.0) -> None:
        """Start what has ended of it again, and wait for what was before and is not ready; see `Service.respawn`."""
        for child in self._children():
            if child.identity.alive:
                await self.service.until_answers(child)
            else:
                await self.service.respawn(child, slow_s=slow_s)

    def _children(self) -> tuple[Child, ...]:
        children = self.service.processes
        return children if self._place is None else children[self._place : self._place + 1]


class Stranger:
    """Processes that somebody else has started. Implements `core.faults.breakage.Patient`."""

    def __init__(self, name: str, url: str, pids: tuple[int, ...], folder: Path) -> None:
        self.name = name
        self.url = url
        self.folder = folder
        self._roots = tuple(found for pid in pids if (found := Identity.of(pid)))

    def __repr__(self) -> str:
        return f"<Stranger {self.name} with {len(self._roots)} processes, seen by {os.getpid()}>"

    def processes(self) -> tuple[Identity, ...]:
        """The processes that were named."""
        return self._roots

    def tree(self) -> tuple[Identity, ...]:
        """These and all that they have started."""
        return tuple(one for root in self._roots for one in (root, *descendants(root.pid)))

    async def restart(self, *, slow_s: float = 0.0) -> None:  # noqa: ARG002 - the Protocol's signature
        """Nobody here knows how.

        Raises:
            ServiceError: Always.
        """
        raise ServiceError(f"{self.name} was not started by this run, which so cannot restart it")
