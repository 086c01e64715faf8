"""What must hold of the tables when a load has ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pytest_roo_load.core.consistency.finding import Finding
from pytest_roo_load.core.consistency.totals import accounted, agree, none_broken
from pytest_roo_load.workloads.postgres.tables import Tables
from pytest_roo_load.workloads.postgres.tally import Tally
from pytest_roo_load.workloads.postgres.transactions import DEPOSIT, PAIRS

__all__ = ["findings"]

_BALANCES = {
    "accounts": "SELECT coalesce(sum(abalance), 0) FROM accounts",
    "tellers": "SELECT coalesce(sum(tbalance), 0) FROM tellers",
    "branches": "SELECT coalesce(sum(bbalance), 0) FROM branches",
    "history": "SELECT coalesce(sum(delta), 0) FROM history",
}
# Which tables the kinds of transactions that write to the history keep in step with it.
_IN_STEP = {"tpcb": ("accounts", "tellers", "branches"), "write": ("accounts",)}


async def findings(kinds: frozenset[str], tables: Tables, tally: Tally) -> tuple[Finding, ...]:
    """What is found for the kinds of transactions that a workload has."""
    checks: list[Callable[[Tables, Tally], Awaitable[list[Finding]]]] = []
    if kinds & _IN_STEP.keys():
        checks.append(lambda tables, tally: _bank(kinds & _IN_STEP.keys(), tables, tally))
    if "hot_row" in kinds:
        checks.append(_hot)
    if "serializable" in kinds:
        checks.append(_pairs)
    return tuple([finding for check in checks for finding in await check(tables, tally)])


async def _bank(kinds: frozenset[str], tables: Tables, tally: Tally) -> list[Finding]:
    """The consistency condition of TPC-B (clause 2.3.2), and that the history has what was acknowledged."""
    together = [name for name in ("accounts", "tellers", "branches") if all(name in _IN_STEP[kind] for kind in kinds)]
    sums = {name: int(await tables.value(_BALANCES[name])) for name in (*together, "history")}
    acknowledged = sum(tally.acknowledged.get(kind, 0) for kind in kinds)
    effect = sum(tally.effect.get(kind, 0) for kind in kinds)
    unknown = [value for kind in kinds for value in tally.unknown.get(kind, ())]
    rows = int(await tables.value("SELECT count(*) FROM history"))
    return [
        agree(f"the balances of {', '.join(together)} sum to the history's", sums, over=rows),
        accounted(
            "the history has every acknowledged commit once",
            rows,
            acknowledged=acknowledged,
            unknown=[1] * len(unknown),
            over=acknowledged,
        ),
        accounted(
            "the history sums to what was acknowledged",
            sums["history"],
            acknowledged=effect,
            unknown=unknown,
            over=acknowledged,
        ),
    ]


async def _hot(tables: Tables, tally: Tally) -> list[Finding]:
    value = int(await tables.value("SELECT value FROM hot WHERE id = 1"))
    acknowledged = tally.acknowledged.get("hot_row", 0)
    unknown = tally.unknown.get("hot_row", ())
    promise = "no acknowledged update of the hot row is lost"
    return [accounted(promise, value, acknowledged=acknowledged, unknown=unknown, over=acknowledged)]


async def _pairs(tables: Tables, tally: Tally) -> list[Finding]:
    """No pair of accounts is overdrawn (write skew), and all money is accounted for."""
    sums = await tables.rows("SELECT pair, sum(balance)::bigint FROM pairs GROUP BY pair ORDER BY pair")
    overdrawn = [f"pair {pair} has {balance:,}" for pair, balance in sums if balance < 0]
    withdrawn = 2 * PAIRS * DEPOSIT - sum(int(balance) for _, balance in sums)
    acknowledged = tally.acknowledged.get("serializable", 0)
    unknown = tally.unknown.get("serializable", ())
    effect = tally.effect.get("serializable", 0)
    moved = "what was taken is what was acknowledged"
    return [
        none_broken("no pair of accounts is overdrawn", overdrawn, checked=len(sums) if acknowledged else 0),
        accounted(moved, withdrawn, acknowledged=effect, unknown=unknown, over=acknowledged),
    ]
