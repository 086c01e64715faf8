"""The contract is kept by the reference server, and finds each defect of servers that have one, and nothing else."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
import wrong_ccs
from ccs_lab import new_person, visit
from phase_3_3_2.contract import STATEMENTS, NotChecked, Place, check, name_of

from pytest_roo_load.core.accounts import Access, Account

DEFECTS: dict[type[wrong_ccs.WrongCCS], set[str]] = {
    wrong_ccs.WrongCCS: set(),
    wrong_ccs.LoginTokensAreUseless: {"a-login-hands-out-tokens-that-protected-routes-accept"},
    wrong_ccs.LogoutEndsNothing: {"a-logout-ends-the-access-token"},
    wrong_ccs.NewPasswordEndsNothing: {"a-new-password-ends-other-sessions"},
    wrong_ccs.AnyoneReadsMessages: {"only-participants-read-the-messages"},
    wrong_ccs.AnyoneClaimsAnyone: {"nobody-speaks-in-the-name-of-another"},
    wrong_ccs.ListingFails: {"conversations-are-listed-in-pages"},
    wrong_ccs.UnevenUploadsAreCorrupted: {"a-file-comes-back-bit-for-bit"},
    wrong_ccs.BadFrameKills: {"what-is-no-frame-is-told-and-ends-nothing"},
    wrong_ccs.QueueIsLastInFirstOut: {"messages-for-a-device-that-is-away-wait-in-order"},
    wrong_ccs.CommandsRunWithoutLimit: {"no-more-commands-run-at-a-time-than-allowed"},
    wrong_ccs.BadJsonIsOurFault: {"malformed-json-is-answered-400"},
    wrong_ccs.CommandsAreNotOffered: set(),
}
NEED_LOGIN = {"refresh-tokens-rotate"}

Findings = dict[str, NotChecked | str]


@pytest.fixture(scope="module")
def findings(target: Any) -> dict[type, Findings]:
    """What the contract finds at each server; all are checked at the same time."""
    found = asyncio.run(_check_all(target.url))
    gc.collect()
    return found


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_each_defect_is_found_and_nothing_else(findings: dict[type, Findings], defect: Any) -> None:
    found = findings[defect]
    broken = {name: text for name, text in found.items() if isinstance(text, str)}
    assert broken.keys() == DEFECTS[defect], "\n".join(f"{name}: {text[:300]}" for name, text in broken.items())
    unchecked = {name for name, text in found.items() if isinstance(text, NotChecked)}
    if defect is wrong_ccs.CommandsAreNotOffered:
        assert len(unchecked) == 7
        assert all("not offered: " in str(found[name]) and "/commands" in str(found[name]) for name in unchecked)
    else:
        assert unchecked == (NEED_LOGIN if defect is wrong_ccs.LoginTokensAreUseless else set()), found


async def _check_all(url: str) -> dict[type, Findings]:
    found = await asyncio.gather(*(_check(defect, url) for defect in DEFECTS))
    return dict(zip(DEFECTS, found, strict=True))


async def _check(defect: type[wrong_ccs.WrongCCS], upstream: str) -> Findings:
    accounts = await _accounts(upstream) if defect is wrong_ccs.LoginTokensAreUseless else ()
    async with wrong_ccs.serving(defect(upstream)) as url:
        place = Place(url=url, accounts=accounts)
        found = {name_of(statement): await check(place, statement) for statement in STATEMENTS}
    return {name: finding for name, finding in found.items() if finding is not None}


async def _accounts(url: str) -> tuple[Account, ...]:
    """Three accounts with two devices each, as a file of accounts has them."""
    accounts = []
    async with visit(url) as api:
        for _ in range(3):
            first = await new_person(api)
            second = await first.again()
            devices = (
                Access(device_id=first.device_id, token=str(first.api.token)),
                Access(device_id=second.device_id, token=str(second.api.token)),
            )
            accounts.append(
                Account(user_id=first.user_id, email=first.email, password="Correct-horse1!", devices=devices)
            )
    return tuple(accounts)
