"""Whether the target keeps the contract of a CCS, one statement at a time.

At a deployment that `--roo-target` names these tests come before any load: see `conftest.py`. What a deployment does
not offer is skipped with the answer that it gave.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from .contract import STATEMENTS, NotChecked, Place, Statement, check, name_of

if TYPE_CHECKING:
    from pytest_roo_load.session.stack import Service

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def place(target: Service) -> Place:
    """Where the contract is checked, with the people that the statements share."""
    return Place(url=target.url, websocket_url=target.websocket_url, accounts=target.accounts)


@pytest.mark.parametrize("statement", STATEMENTS, ids=name_of)
def test_contract(place: Place, statement: Statement) -> None:
    """The sentence of the statement holds."""
    finding = asyncio.run(check(place, statement))
    if isinstance(finding, NotChecked):
        pytest.skip(str(finding))
    if finding is not None:
        pytest.fail(f"{statement.__doc__}\nBut: {finding}", pytrace=False)
