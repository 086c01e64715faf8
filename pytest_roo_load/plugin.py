"""The pytest plugin: hooks only. What they do is in `session.hooks`, loaded in a run that is our business."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from typing import Any

import pytest

from pytest_roo_load.session import gate
from pytest_roo_load.session.options import add_options

_FIXTURES = ("capacity", "ccs_workloads", "chaos", "consistency", "leaks", "links", "load", "stack", "workloads")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the options, and register the fixtures: `pytest_plugins` would read all installed packages for each."""
    add_options(parser)
    for name in _FIXTURES:
        path = f"pytest_roo_load.fixtures.{name}"
        pluginmanager.register(importlib.import_module(path), path)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, and check the options if any is set."""
    gate.declare_markers(config)
    if gate.configured(config):
        _hooks().run_of(config)
    if gate.distributed(config):
        from pytest_roo_load.session import xdist_hooks

        config.pluginmanager.register(xdist_hooks.hooks_for(config), "roo_load_xdist")


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, object, object]:
    """Check markers and signatures of tests that measure."""
    made = yield
    if items := gate.concerned(made):
        _hooks().check_items(collector, items)
    return made


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Check the services that were named, when a selected test needs them."""
    if gate.run_key in session.config.stash:
        _hooks().check_services(session.config, session.items)


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say how this run measures, when it does."""
    return _hooks().announce(config) if gate.run_key in config.stash else []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Judge the runs of a test when its own assertions are through."""
    return (yield from _hooks().judge_call(item)) if gate.plan_key in item.stash else (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write down what could not be set up."""
    report = yield
    if gate.plan_key in item.stash:
        _hooks().note_report(item, report)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Stop what was started and write the report."""
    if gate.run_key in session.config.stash:
        _hooks().end_run(session, exitstatus)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what was measured."""
    if gate.report_key in config.stash:
        _hooks().summarise_run(terminalreporter, config)


def _hooks() -> Any:
    from pytest_roo_load.session import hooks

    return hooks
