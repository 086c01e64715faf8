"""The hooks that exist only under pytest-xdist; what they do is in `session.distributed`, loaded when needed."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pytest_roo_load.session import gate

__all__ = ["ControllerHooks", "WorkerHooks", "hooks_for"]


def hooks_for(config: pytest.Config) -> ControllerHooks | WorkerHooks:
    """The hooks of this process."""
    return WorkerHooks() if gate.is_worker(config) else ControllerHooks(config)


class ControllerHooks:
    """Hooks of the process that has pytest-xdist's workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._controller = _distributed().Controller(config)

    def pytest_configure_node(self, node: Any) -> None:
        """Let a worker take part in this run."""
        self._controller.admit(node)

    def pytest_xdist_node_collection_finished(self) -> None:
        """Tell the workers of each other."""
        self._controller.collected()

    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Know which workers are left."""
        self._controller.dismiss(node, error)

    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport, sched: Any) -> None:
        """Know what became of the test that a lost worker had been given."""
        self._controller.account(crashitem, report, sched)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self) -> None:
        """Begin nothing after one failure too many."""
        self._controller.stop_if_told()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Begin nothing after an interruption."""
        self._controller.stop()

    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Show that a test was scheduled again."""
        return ("rerun", "R", ("RERUN", {"yellow": True})) if report.outcome == "rerun" else None


class WorkerHooks:
    """Hooks of a worker of pytest-xdist."""

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, object, object]:
        """Collect only while nobody measures."""
        if not gate.measuring_elsewhere(session.config):
            return (yield)
        with _distributed().collect_in_turn(session):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Stay while others may still measure."""
        if gate.run_key not in session.config.stash:
            return (yield)
        return (yield from _distributed().serve_to_the_end(session))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Outermost around a test: nothing else happens while it measures."""
        if gate.run_key not in item.config.stash:
            return (yield)
        with _distributed().take_turn(item):
            return (yield)


def _distributed() -> Any:
    from pytest_roo_load.session import distributed

    return distributed
