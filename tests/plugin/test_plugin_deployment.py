"""The phase against a CCS that was started by hand: nothing of ours is started, and the contract comes first."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(_ROOT / "tests" / "ccs"))

from make_accounts import make_accounts  # noqa: E402 - from tools
from server_lab import server  # noqa: E402 - from the folder that was just put on the path

PHASE = _ROOT / "tests" / "phase_3_3_2"


def test_the_phase_runs_against_a_deployment_with_its_accounts(
    postgres: Any, redis: Any, pytester: pytest.Pytester
) -> None:
    with server(postgres.url, redis.url) as ccs:
        accounts = asyncio.run(make_accounts(ccs.url, 13))
        (pytester.path / "accounts.json").write_text(json.dumps(accounts), encoding="utf-8")
        outcome = pytester.runpytest_subprocess(
            "-p", "no:cacheprovider", "-m", "concurrent_users", "-k", "10 and not 100", "--roo-scale", "quick",
            f"--roo-target={ccs.url}", f"--roo-target-ws={ccs.url.replace('http', 'ws')}/ws",
            "--roo-accounts=accounts.json", f"--roo-directory={pytester.path / '.roo'}",
            f"--roo-sla={_ROOT / 'sla.toml'}", str(PHASE), timeout=180,
        )  # fmt: skip
    outcome.stdout.fnmatch_lines(["the contract is checked first: 58 statements*", "test_concurrent_users?10? *pass"])
    assert outcome.parseoutcomes()["passed"] == 59
    [run] = pytester.path.glob(".roo/runs/*")
    assert json.loads((run / "run.json").read_text())["services"].keys() == {"target"}
    assert not (run / "logs").exists(), "a keeper would have written its log"
    [result] = run.glob("results/*.json")
    measured = json.loads(result.read_text())
    steady = next(phase for phase in measured["runs"][0]["phases"] if phase["name"] == "steady")
    assert {"POST /commands", "POST /files/sync", "WS user_message"} <= steady["operations"].keys()
    assert not [
        name for phase in measured["runs"][0]["phases"] for name in phase["operations"] if "auth/register" in name
    ]
    written = "".join(path.read_text(encoding="utf-8") for path in run.rglob("*") if path.is_file())
    assert not [entry["email"] for entry in accounts if entry["token"] in written or entry["password"] in written]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((str(PHASE), "-m", "concurrent_users", "-k", "users"), ("contract", "load")),
        ((str(PHASE), "-m", "concurrent_users", "-k", "users", "--roo-contract=skip"), ("load",)),
        ((f"{PHASE}/test_3_3_2_1_concurrent_users.py::test_concurrent_users[10]",), ("contract", "load")),
        ((str(PHASE), "-m", "contract"), ("contract",)),
        (("test_it.py",), ()),
    ],
    ids=["phase", "skip", "one test", "contract alone", "another server's tests"],
)
def test_the_contract_is_collected_only_before_load_of_the_phase(
    run_pytest: Any, make_tests: Any, arguments: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    make_tests("def test_own(virtual_users): virtual_users.run(visit, constant_users(1, '1 s'))")
    lines = run_pytest("--collect-only", "-q", f"--roo-sla={_ROOT / 'sla.toml'}", *arguments).outlines
    kinds = {"contract": "test_contract.py::", "load": "::test_concurrent_users"}
    found = [kind for line in lines for kind, mark in kinds.items() if mark in line]
    assert tuple(dict.fromkeys(found)) == expected, lines
    assert found == sorted(found), "the contract comes first"
