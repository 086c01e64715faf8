"""What the plugin's hooks do in a run that is our business; what only some runs need is imported where it is used."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import pytest

from pytest_roo_load.errors import RooLoadError, UsageError
from pytest_roo_load.session.config import read_config
from pytest_roo_load.session.gate import INPUT_KEY, plan_key, report_key, run_key
from pytest_roo_load.session.run import Identity, Run
from pytest_roo_load.tracing.environment import OwnServers

__all__ = [
    "announce", "check_items", "check_services", "end_run", "judge_call", "note_report", "run_of", "summarise_run",
]  # fmt: skip


def run_of(config: pytest.Config) -> Run:
    """The run that this pytest session is; made, and its options checked, when it is first asked for.

    An xdist worker takes over the identity that the controller sent.

    Raises:
        pytest.UsageError: An option's value is not allowed.
    """
    if run_key in config.stash:
        return config.stash[run_key]
    try:
        options = read_config(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker_input is None:
        identity, worker = Identity.new(options.seed), None
    else:
        identity, worker = Identity(**worker_input[INPUT_KEY]["identity"]), worker_input["workerid"]
    OwnServers.tell = options.asks_target
    arguments = [str(argument) for argument in config.invocation_params.args]
    run = config.stash[run_key] = Run(options, identity, worker, arguments)
    if worker_input is not None:
        run.refusal = worker_input[INPUT_KEY]["refusal"]
    return run


def check_items(collector: pytest.Collector, items: Iterable[pytest.Item]) -> None:
    """Check the markers of tests just collected that are our business.

    Raises:
        pytest.Collector.CollectError: Names the file and line of the first test that asks for something impossible.
    """
    from pytest_roo_load.session.plan import plan_of

    run = run_of(collector.config)
    for item in items:
        try:
            item.stash[plan_key] = plan_of(item, run.sla_of(item.path.parent))
        except UsageError as error:
            run.misused = True
            raise collector.CollectError(str(error)) from None


def check_services(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Once tests are selected: know whether any measures, and if so whether the services that were named can be used.

    A worker of xdist cannot end the run, so there the first test that needs a service tells.
    """
    run = config.stash[run_key]
    run.measures = any(plan_key in item.stash for item in items)
    if not run.measures or config.option.collectonly:
        return
    if run.worker is not None:
        from pytest_roo_load.session.distributed import join

        join(run)
        return
    from pytest_roo_load.session.stack import NAMED, check_named

    try:
        run.directory.make()
        for option in NAMED:
            check_named(run.config, option)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    run.show_progress()


def announce(config: pytest.Config) -> list[str]:
    """Say how this run measures, when it does."""
    run = config.stash[run_key]
    if not run.measures or config.option.collectonly:
        return []
    from pytest_roo_load.session.terminal import announcement

    return [announcement(run)]


def judge_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Around the call of a test that measures: judge what it measured."""
    from pytest_roo_load.session.judging import judged_call

    return (yield from judged_call(item, item.config.stash[run_key]))


def summarise_run(reporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what was measured, in the process that owns the run."""
    from pytest_roo_load.session.terminal import summarise

    run = config.stash[run_key]
    summarise(reporter, run.directory.results(), config.stash[report_key])
    for loss in run.losses:
        reporter.line(f"incomplete: {loss}", red=True)


def note_report(item: pytest.Item, report: pytest.TestReport) -> None:
    """Write down that a test that would have measured could not be set up, or lacks what it needs."""
    if report.when != "setup" or report.passed:
        return
    from pytest_roo_load.session.judging import lacks, note_setup_failure

    if report.failed or lacks(item):
        note_setup_failure(item, item.config.stash[run_key], report.longreprtext)


def end_run(session: pytest.Session, exit_status: int) -> None:
    """In the process that owns the run: stop services, write the report, and say that misuse was misuse."""
    run = session.config.stash[run_key]
    run.leave()
    if run.worker is not None:
        return
    reasons: dict[int, str] = {
        pytest.ExitCode.INTERRUPTED: "interrupted",
        pytest.ExitCode.INTERNAL_ERROR: "internal error",
    }
    ended = reasons.get(exit_status, "")
    try:
        report = run.end(int(exit_status), "; ".join([*run.losses, *([ended] if ended else [])]))
    except RooLoadError as error:
        report = run.directory.path / "report.html"
        run.losses.append(f"no report could be written: {error}")
    if report is not None:
        session.config.stash[report_key] = report
    if run.misused:
        session.exitstatus = pytest.ExitCode.USAGE_ERROR
