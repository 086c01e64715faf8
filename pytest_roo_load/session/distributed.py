"""What the plugin's hooks do under pytest-xdist, in the controller and in its workers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from typing import Any

import pytest

from pytest_roo_load.errors import RooLoadError
from pytest_roo_load.session.crew import Nodes
from pytest_roo_load.session.gate import INPUT_KEY, plan_key, run_key
from pytest_roo_load.session.hooks import run_of
from pytest_roo_load.session.locks import Stopped
from pytest_roo_load.session.progress import forget
from pytest_roo_load.session.run import Run

__all__ = ["Controller", "collect_in_turn", "join", "serve_to_the_end", "take_turn"]

_BARRIER_POLL_S = 0.05
_STOPPED = "the run was stopped before this test began"


class Controller:
    """The controller's part: knows the workers and what became of them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._run = run_of(config)
        self._nodes = Nodes(self._run.crew)
        self._lost = 0

    def __repr__(self) -> str:
        return f"<Controller of {self._nodes!r}, {self._lost} lost>"

    def admit(self, node: Any) -> None:
        """A worker is being started: let it take part in this run."""
        run = self._run
        run.show_progress()
        node.workerinput[INPUT_KEY] = {
            "identity": run.identity.plain(),
            "locks": str(run.crew.folder),
            "refusal": _refusal(self._config, node),
        }
        self._nodes.add(node.gateway.id)

    def collected(self) -> None:
        """A worker has collected: if anything measures, there is a folder for the list of nodes now."""
        self._nodes.post()

    def dismiss(self, node: Any, error: object) -> None:
        """A worker has come to its end, or was lost."""
        name = node.gateway.id
        if error:
            self._lost += 1
            self._run.losses.append(f"worker {name} was lost")
            forget(self._run.note, name)
        elif _wants_to_stop(node.workeroutput):
            self.stop()
        self._nodes.remove(name, replaced=bool(error) and self._replaces)

    def stop(self) -> None:
        """Let nothing begin any more."""
        self._run.crew.stop()

    def stop_if_told(self) -> None:
        """After a report: pytest says whether it was one failure too many."""
        session: Any = self._config.pluginmanager.getplugin("session")
        if session is not None and (session.shouldfail or session.shouldstop):
            self.stop()

    def account(self, test: str, report: pytest.TestReport, scheduler: Any) -> None:
        """A lost worker had been given this test: schedule it again if it had not begun, else tell its fate."""
        worker = report.node.gateway.id
        if not self._run.crew.there or self._run.crew.has_begun(worker, test):
            self._run.losses.append(str(report.longrepr))
        elif self._replaces and _schedule_again(scheduler, test):
            report.outcome = "rerun"  # type: ignore[assignment]
            report.longrepr = None
            self._run.losses.append(f"{test} waited for its turn in worker {worker} and was given to another")
        else:
            report.longrepr = f"worker {worker!r} was lost while {test} waited for its turn: it was never started"
            self._run.losses.append(report.longrepr)

    @property
    def _replaces(self) -> bool:
        """Whether xdist replaces the worker that was lost last."""
        from xdist.dsession import get_default_max_worker_restart

        most = get_default_max_worker_restart(self._config)
        return most is None or self._lost <= most


def _wants_to_stop(output: dict[str, Any]) -> bool:
    return bool(output["exitstatus"] == pytest.ExitCode.INTERRUPTED or output["shouldfail"] or output["shouldstop"])


def _schedule_again(scheduler: Any, test: str) -> bool:
    """Whether the test will be run; schedulers that give out groups put back by themselves what a lost worker left."""
    try:
        scheduler.mark_test_pending(test)
    except NotImplementedError:
        return hasattr(scheduler, "workqueue")
    return True


def _refusal(config: pytest.Config, node: Any) -> str:
    """Why this run cannot measure; empty when it can."""
    if config.getoption("dist") == "each":
        return "--dist each runs every test on every worker: measurements need --dist load or another that runs it once"
    remote = [str(spec) for spec in node.nodemanager.specs if not spec.popen or spec.via]
    if remote:
        return (
            f"--tx {remote[0]} is a worker on another machine: measurements take their start and their exclusivity "
            "from the clock and the locks of one machine; use -n NUMBER"
        )
    return ""


def join(run: Run) -> None:
    """In a worker whose tests are collected, when some of them measure."""
    try:
        run.join()
    except (RooLoadError, OSError) as error:
        run.refusal = str(error)


@contextlib.contextmanager
def take_turn(item: pytest.Item) -> Generator[None]:
    """Around a test in a worker: alone for one that measures, together with others for one that does not.

    Raises:
        pytest.Session.Failed: The run was stopped meanwhile; this test does not begin and no other does.
    """
    run = item.config.stash[run_key]
    if run.worker is None or not run.measures:
        yield
        return
    with contextlib.ExitStack() as stack:
        hold = run.exclusivity.hold(alone=plan_key in item.stash, give_up=lambda: run.stopped)
        _enter_or_stop(stack, hold, item.session)
        _mend(run)
        run.crew.begin(run.worker, item.nodeid)
        try:
            yield
        finally:
            if item.session.shouldfail or item.session.shouldstop:  # before others have their turn, -x for example
                run.crew.stop()


def _mend(run: Run) -> None:
    """Nobody measures now, so what is broken was left by a worker that was lost while it measured."""
    try:
        run.keeper.mend()
    except (RooLoadError, OSError) as error:
        run.refusal = str(error)


@contextlib.contextmanager
def collect_in_turn(session: pytest.Session) -> Generator[None]:
    """A worker that replaces a crashed one collects only while nobody measures."""
    run = run_of(session.config)
    with contextlib.ExitStack() as stack:
        _enter_or_stop(stack, run.exclusivity.hold(alone=False, give_up=lambda: run.stopped), session)
        yield


def _enter_or_stop(
    stack: contextlib.ExitStack, hold: contextlib.AbstractContextManager[None], session: pytest.Session
) -> None:
    try:
        stack.enter_context(hold)
    except Stopped:
        session.shouldstop = _STOPPED
        raise session.Failed(_STOPPED) from None


def serve_to_the_end(session: pytest.Session) -> Generator[None, object, object]:
    """Around a worker's run loop: one that has run out of tests stays, and generates load for those that have not."""
    run = session.config.stash.get(run_key, None)
    if run is None or run.worker is None or not run.measures:
        return (yield)
    try:
        result = yield
    finally:
        run.crew.through(run.worker)
    if not (session.shouldstop or session.shouldfail):
        while run.crew.others_may_measure(run.worker) and not run.stopped:
            time.sleep(_BARRIER_POLL_S)
    return result
