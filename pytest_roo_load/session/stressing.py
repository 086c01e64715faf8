"""Performs a ready-made workload: prepares, loads, looks beside it, examines, cleans up."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_roo_load.core.result import Result
from pytest_roo_load.errors import UsageError
from pytest_roo_load.session.config import stay_here
from pytest_roo_load.session.measured import Measured
from pytest_roo_load.session.measuring import Asked, measure, measuring
from pytest_roo_load.session.run import Run
from pytest_roo_load.session.stack import Service, pids_behind
from pytest_roo_load.workloads import workload as ready
from pytest_roo_load.workloads.background import Background

if TYPE_CHECKING:
    import pytest

    from pytest_roo_load.core.faults.schedule import Schedule
    from pytest_roo_load.workloads.workload import Workload

__all__ = ["Stress", "place", "stress"]

_PRIVATE = "roo."


class Stress:
    """What the fixtures of ready-made workloads share.

    Args:
        request: Of the fixture, which finds the services.
        run: The pytest session's run.
        measured: Where the runs of this test are noted.
    """

    def __init__(self, request: pytest.FixtureRequest, run: Run, measured: Measured) -> None:
        self._request = request
        self._run = run
        self._measured = measured

    def __repr__(self) -> str:
        return f"<Stress, {len(self._measured.records)} runs so far>"

    def place(self, name: str, given: str | None, argument: str) -> Service:
        """The service to load: the one whose URL was given, else what the fixture of this name gives.

        Raises:
            UsageError: Load would leave this machine without permission.
        """
        return place(self._request.getfixturevalue(name) if given is None else given, name, argument, self._run)

    def permit(self, url: str) -> None:
        """Agree to load a node that a cluster names.

        Raises:
            UsageError: It is on another machine for which there is no permission.
        """
        stay_here(url, self._run.config.allow_remote, "a node of the cluster")

    def database(self) -> str | None:
        """The DSN of the target's database, where it is known: an embedded one's, or the one of `--roo-postgres`."""
        if self._run.config.postgres is not None:
            return self._run.config.postgres
        known = self._run.stack.known().get("postgres")
        return None if known is None else known.url

    def room_bytes(self, service: Service) -> int | None:
        """What is free on the disk where an embedded service keeps what it is given; None for one of the user's."""
        return shutil.disk_usage(self._run.identity.folder).free if service.embedded else None

    def perform(
        self, workload: Workload, service: Service, *, target: bool = False, faults: Schedule | None = None
    ) -> Result:
        """Load the service and say what became of its data.

        Args:
            workload: What is done.
            service: Whose processes are looked at.
            target: Whether the journeys reach the service as their target.
            faults: What is broken meanwhile.
        """
        asked = Asked(
            journey=None,
            profile=workload.profile,
            target=service if target else None,
            watched={service.name: self._now(service).pids},
            faults=faults,
        )
        with Background() as background:
            try:
                background.run(workload.prepare())
                return self._measure(workload, background, asked)
            finally:
                background.run(workload.clean_up())

    def _now(self, service: Service) -> Service:
        """The service with the processes that it has now: an earlier test may have restarted it."""
        known = self._run.stack.known().get(service.name)
        return known if known is not None and known.url == service.url else service

    def _measure(self, workload: Workload, background: Background, asked: Asked) -> Result:
        watching = background.start(workload.watch())

        def complete(result: Result, interval: tuple[float, float]) -> Result:
            watching.cancel()
            measured = ready.Measured(result=result, began=interval[0], ended=interval[1])
            examined = background.run(workload.examine(measured))
            values = {name: value for name, value in result.values.items() if not name.startswith(_PRIVATE)}
            return replace(
                result, values=values, facts=examined.facts, findings=examined.findings, gauges=examined.gauges
            )

        return measure(self._run, self._measured, replace(asked, journey=workload.journeys(), complete=complete))


def stress(request: pytest.FixtureRequest) -> Stress:
    """What a fixture of ready-made workloads works with."""
    return Stress(request, *measuring(request))


def place(given: Any, name: str, argument: str, run: Run) -> Service:
    """A service by what a fixture or an argument gives: a `Service`, or the URL of one."""
    if isinstance(given, Service):
        return given
    if not isinstance(given, str) or not urlsplit(given).hostname:
        raise UsageError("not a URL", value=given, allowed=f"the URL of a {name}", place=f"argument {argument}")
    stay_here(given, run.config.allow_remote, f"argument {argument}")
    return Service(name=name, url=given, pids=pids_behind(given), version="", embedded=False)
