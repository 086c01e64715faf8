"""What the controller decides, without workers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_roo_load.session.distributed import Controller

SPEC = {"popen": True, "via": None}


class Scheduler:
    """One of xdist's that can schedule a test again."""

    def __init__(self) -> None:
        self.pending: list[str] = []

    def mark_test_pending(self, test: str) -> None:
        self.pending.append(test)


class Grouping:
    """One that gives out groups, and puts back by itself what a lost worker left."""

    workqueue: dict[str, Any]

    def __init__(self) -> None:
        self.workqueue = {}

    def mark_test_pending(self, test: str) -> None:
        raise NotImplementedError


class Unable:
    def mark_test_pending(self, test: str) -> None:
        raise NotImplementedError


def controller_of(pytester: pytest.Pytester, *arguments: str) -> Controller:
    config = pytester.parseconfig("-n", "2", *arguments)
    config.option.dist, config.option.tx = config.option.dist.replace("no", "load"), ["popen"] * 2
    return Controller(config)


def node(name: str, **spec: Any) -> Any:
    specs = [SimpleNamespace(**SPEC), SimpleNamespace(**{**SPEC, **spec})]
    return SimpleNamespace(workerinput={}, gateway=SimpleNamespace(id=name), nodemanager=SimpleNamespace(specs=specs))


def report_of(worker: str) -> Any:
    return SimpleNamespace(node=node(worker), outcome="failed", longrepr=f"worker {worker} crashed while running t")


def lose(controller: Controller, worker: str, scheduler: Any) -> Any:
    controller._run.crew.folder.mkdir(parents=True, exist_ok=True)
    report = report_of(worker)
    controller.dismiss(node(worker), "it crashed")
    controller.account("t", report, scheduler)
    return report


@pytest.mark.parametrize("scheduler", [Scheduler(), Grouping()])
def test_a_test_that_had_not_begun_is_scheduled_again(pytester: pytest.Pytester, scheduler: Any) -> None:
    report = lose(controller_of(pytester), "gw1", scheduler)
    assert report.outcome == "rerun"
    assert getattr(scheduler, "pending", ["t"]) == ["t"]


@pytest.mark.parametrize(
    ("scheduler", "arguments"), [(Unable(), ()), (Scheduler(), ("--max-worker-restart=0",))], ids=["unable", "no more"]
)
def test_else_it_was_never_started(pytester: pytest.Pytester, scheduler: Any, arguments: tuple[str, ...]) -> None:
    report = lose(controller_of(pytester, *arguments), "gw1", scheduler)
    assert report.outcome == "failed"
    assert report.longrepr == "worker 'gw1' was lost while t waited for its turn: it was never started"


def test_a_test_that_had_begun_has_crashed(pytester: pytest.Pytester) -> None:
    controller, scheduler = controller_of(pytester), Scheduler()
    controller._run.crew.folder.mkdir(parents=True)
    controller._run.crew.begin("gw1", "t")
    report = lose(controller, "gw1", scheduler)
    assert (report.outcome, scheduler.pending) == ("failed", [])
    assert controller._run.losses == ["worker gw1 was lost", "worker gw1 crashed while running t"]


def test_where_nothing_measures_a_crash_is_xdists_business(pytester: pytest.Pytester) -> None:
    controller, scheduler, report = controller_of(pytester), Scheduler(), report_of("gw1")
    controller.account("t", report, scheduler)
    assert (report.outcome, scheduler.pending) == ("failed", [])


@pytest.mark.parametrize(
    ("arguments", "spec", "told"),
    [
        ((), {}, ""),
        (("--dist=each",), {}, "--dist each runs every test on every worker"),
        ((), {"popen": False}, "is a worker on another machine"),
        ((), {"via": "proxy"}, "is a worker on another machine"),
    ],
    ids=["sound", "each", "remote", "proxy"],
)
def test_why_workers_cannot_measure(
    pytester: pytest.Pytester, arguments: tuple[str, ...], spec: dict[str, Any], told: str
) -> None:
    joining, controller = node("gw0", **spec), controller_of(pytester, *arguments)
    controller.admit(joining)
    controller._run.end(0, "")
    refusal = joining.workerinput["roo_load"]["refusal"]
    assert told in refusal
    assert bool(told) == bool(refusal)


@pytest.mark.parametrize(
    ("output", "stops"),
    [
        ({"exitstatus": 0, "shouldfail": False, "shouldstop": False}, False),
        ({"exitstatus": 1, "shouldfail": "stopping after 1 failures", "shouldstop": False}, True),
        ({"exitstatus": 2, "shouldfail": False, "shouldstop": False}, True),
    ],
)
def test_a_worker_that_was_told_to_stop_stops_all(
    pytester: pytest.Pytester,
    output: dict[str, Any],
    stops: bool,  # noqa: FBT001
) -> None:
    controller, leaving = controller_of(pytester), node("gw0")
    controller._run.crew.folder.mkdir(parents=True)
    leaving.workeroutput = output
    controller.dismiss(leaving, None)
    assert controller._run.crew.stopped is stops
    assert controller._run.losses == []
