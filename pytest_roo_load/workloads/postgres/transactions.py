"""The transactions of the ready-made workloads."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pytest_roo_load.workloads.postgres.session import Session

__all__ = ["PAIRS", "WORKLOADS", "Size", "Statement", "Transaction"]

PAIRS = 500
DEPOSIT = 1_000_000  # on each of the two accounts of a pair
_MOST = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many rows the tables have: those of pgbench at a scale."""

    accounts: int
    tellers: int
    branches: int

    @classmethod
    def at(cls, scale: int) -> Size:
        """The size at this scale."""
        return cls(accounts=100_000 * scale, tellers=10 * scale, branches=scale)


Body = Callable[[Session, random.Random, Size], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement with its name and an example of its arguments, by which its plan is asked for."""

    name: str
    sql: str
    example: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What a client does once.

    Attributes:
        name: Kind of transaction, under which its effects are counted.
        body: Sends the statements; the number that it gives is the transaction's effect.
        begin: The statement that opens it; None for a single statement that commits by itself.
        statements: For their plans.
    """

    name: str
    body: Body
    begin: str | None = "BEGIN"
    statements: tuple[Statement, ...] = ()


ACCOUNT = Statement(
    name="UPDATE accounts", sql="UPDATE accounts SET abalance = abalance + $1 WHERE aid = $2", example=(7, 4711)
)
BALANCE = Statement(name="SELECT accounts", sql="SELECT abalance FROM accounts WHERE aid = $1", example=(4711,))
TELLER = Statement(
    name="UPDATE tellers", sql="UPDATE tellers SET tbalance = tbalance + $1 WHERE tid = $2", example=(7, 3)
)
BRANCH = Statement(
    name="UPDATE branches", sql="UPDATE branches SET bbalance = bbalance + $1 WHERE bid = $2", example=(7, 1)
)
HISTORY = Statement(
    name="INSERT history",
    sql="INSERT INTO history (tid, bid, aid, delta, mtime) VALUES ($1, $2, $3, $4, CURRENT_TIMESTAMP)",
    example=(3, 1, 4711, 7),
)
RANGE = Statement(
    name="SELECT accounts of a range",
    sql="SELECT count(*), sum(abalance) FROM accounts WHERE aid BETWEEN $1 AND $2",
    example=(4711, 4810),
)
JOIN = Statement(
    name="SELECT accounts with branches",
    sql="SELECT b.bid, count(*), sum(a.abalance) FROM accounts a JOIN branches b USING (bid) "
    "WHERE a.aid BETWEEN $1 AND $2 GROUP BY b.bid",
    example=(4711, 4730),
)
HOT = Statement(name="UPDATE hot", sql="UPDATE hot SET value = value + 1 WHERE id = 1")
PAIR = Statement(name="SELECT pair", sql="SELECT id, balance FROM pairs WHERE pair = $1", example=(7,))
WITHDRAW = Statement(name="UPDATE pair", sql="UPDATE pairs SET balance = balance - $1 WHERE id = $2", example=(7, 14))


def _upto(draw: random.Random, most: int) -> int:
    """A number from 1 to `most`; quicker than `randint`."""
    return int(draw.random() * most) + 1


async def _tpcb(session: Session, draw: random.Random, size: Size) -> int:
    """The transaction of pgbench, statement by statement."""
    aid, tid, bid = _upto(draw, size.accounts), _upto(draw, size.tellers), _upto(draw, size.branches)
    delta = _upto(draw, 2 * _MOST) - _MOST
    await session.fetch(ACCOUNT.sql, delta, aid, name=ACCOUNT.name)
    await session.fetch(BALANCE.sql, aid, name=BALANCE.name)
    await session.fetch(TELLER.sql, delta, tid, name=TELLER.name)
    await session.fetch(BRANCH.sql, delta, bid, name=BRANCH.name)
    await session.fetch(HISTORY.sql, tid, bid, aid, delta, name=HISTORY.name)
    return delta


async def _write(session: Session, draw: random.Random, size: Size) -> int:
    """The same without the few rows that everybody wants (`pgbench -N`)."""
    aid, tid, bid = _upto(draw, size.accounts), _upto(draw, size.tellers), _upto(draw, size.branches)
    delta = _upto(draw, 2 * _MOST) - _MOST
    await session.fetch(ACCOUNT.sql, delta, aid, name=ACCOUNT.name)
    await session.fetch(BALANCE.sql, aid, name=BALANCE.name)
    await session.fetch(HISTORY.sql, tid, bid, aid, delta, name=HISTORY.name)
    return delta


async def _read(session: Session, draw: random.Random, size: Size) -> int:
    """One row by its key (`pgbench -S`)."""
    await session.fetch(BALANCE.sql, _upto(draw, size.accounts), name=BALANCE.name)
    return 0


async def _range(session: Session, draw: random.Random, size: Size) -> int:
    """A hundred neighbouring rows, summed up."""
    first = _upto(draw, size.accounts - 100)
    await session.fetch(RANGE.sql, first, first + 99, name=RANGE.name)
    return 0


async def _join(session: Session, draw: random.Random, size: Size) -> int:
    """Twenty rows with their branches."""
    first = _upto(draw, size.accounts - 20)
    await session.fetch(JOIN.sql, first, first + 19, name=JOIN.name)
    return 0


async def _hot_row(session: Session, draw: random.Random, size: Size) -> int:  # noqa: ARG001 - the signature of a body
    """Everybody changes the same row."""
    await session.fetch(HOT.sql, name=HOT.name)
    return 1


async def _serializable(session: Session, draw: random.Random, size: Size) -> int:  # noqa: ARG001 - see above
    """Take from one of two accounts what both together have: right only when nobody does the same at the same time.

    The anomaly that weaker isolation lets through is write skew (Fekete et al., TODS 30, 2005). A pair that is
    overdrawn is left so, for the check looks when the load has ended.
    """
    pair = _upto(draw, PAIRS)
    balances = {row[0]: row[1] for row in await session.fetch(PAIR.sql, pair, name=PAIR.name)}
    there = sum(balances.values())
    wanted = there if draw.random() < 0.5 else _upto(draw, _MOST)  # noqa: PLR2004 - half of them
    if there < 0:
        wanted = 0
    elif wanted > there or not wanted:
        wanted = -_upto(draw, _MOST)  # pay in
    await session.fetch(WITHDRAW.sql, wanted, draw.choice(sorted(balances)), name=WITHDRAW.name)
    return wanted


READ = Transaction(name="read", body=_read, begin=None, statements=(BALANCE,))
_WRITE = Transaction(name="write", body=_write, statements=(ACCOUNT, BALANCE, HISTORY))
_RANGE = Transaction(name="range", body=_range, begin=None, statements=(RANGE,))
_JOIN = Transaction(name="join", body=_join, begin=None, statements=(JOIN,))
_TPCB = Transaction(name="tpcb", body=_tpcb, statements=(ACCOUNT, BALANCE, TELLER, BRANCH, HISTORY))
_HOT = Transaction(name="hot_row", body=_hot_row, statements=(HOT,))
_SERIALIZABLE = Transaction(
    name="serializable",
    body=_serializable,
    begin="BEGIN ISOLATION LEVEL SERIALIZABLE",
    statements=(PAIR, WITHDRAW),
)

# Workload → its transactions, each with its share in ten.
WORKLOADS: dict[str, tuple[tuple[Transaction, int], ...]] = {
    "read": ((READ, 10),),
    "write": ((_WRITE, 10),),
    "mixed": ((READ, 5), (_RANGE, 1), (_JOIN, 1), (_WRITE, 2), (_TPCB, 1)),
    "tpcb": ((_TPCB, 10),),
    "hot_row": ((_HOT, 10),),
    "serializable": ((_SERIALIZABLE, 10),),
}
