"""Before the phase loads a deployment that the user has named, the contract is checked."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from pytest_roo_load.session.gate import plan_key, run_key

_HERE = Path(__file__).parent
_CONTRACT = _HERE / "test_contract.py"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, object, object]:
    """Put the contract in front of what measures; for a deployment also where only the latter was selected."""
    collected = [item for item in items if item.path == _CONTRACT]
    result = yield
    selected = [item for item in items if item.path == _CONTRACT]
    if _loads_a_deployment(config, items):
        selected = collected or _collect(session, items)
    items[:] = [*selected, *(item for item in items if item.path != _CONTRACT)]
    return result


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Say that tests were added, for they come besides what was selected."""
    contract = sum(item.path == _CONTRACT for item in items)
    if not (contract and _loads_a_deployment(config, items)):
        return []
    return [f"the contract is checked first: {contract} statements (--roo-contract skip leaves them out)"]


def _loads_a_deployment(config: pytest.Config, items: list[pytest.Item]) -> bool:
    """Whether tests of the phase that measure were selected, against a target that `--roo-target` names."""
    run = config.stash.get(run_key, None)
    if run is None or run.config.target is None or run.config.contract == "skip":
        return False
    return any(item.path.parent == _HERE and plan_key in item.stash for item in items)


def _collect(session: pytest.Session, items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests of the contract, beside those that were collected without them."""
    neighbour = next(item for item in items if item.path.parent == _HERE)
    parent = next(node for node in reversed(neighbour.listchain()) if isinstance(node, pytest.Package | pytest.Dir))
    module = pytest.Module.from_parent(parent, path=_CONTRACT)
    return list(session.genitems(module))
