from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.errors import UsageError
from pytest_roo_load.workloads.postgres.script import parse_script

TPCB = r"""
-- what pgbench does
\set aid random(1, 100000 * :scale)
\set bid random(1, :scale)
\set delta random(-5000, 5000)
BEGIN;
UPDATE accounts SET abalance = abalance + :delta
  WHERE aid = :aid;
SELECT ':aid; not a variable', abalance::text FROM accounts WHERE aid = :aid AND bid = :bid;
END;
"""


def test_pgbenchs_own_script_is_understood() -> None:
    script = parse_script(TPCB, "tpcb.sql")

    assert script.begin is not None
    assert (script.begin.sql, script.begin.line) == ("BEGIN", 6)
    assert [(line.sql, line.variables, line.line) for line in script.lines] == [
        ("UPDATE accounts SET abalance = abalance + $1 WHERE aid = $2", ("delta", "aid"), 7),
        (
            "SELECT ':aid; not a variable', abalance::text FROM accounts WHERE aid = $1 AND bid = $2",
            ("aid", "bid"),
            9,
        ),
    ]


@pytest.mark.parametrize(
    ("begin", "modes"),
    [
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", "ISOLATION LEVEL SERIALIZABLE"),
        ("begin work read only", "READ ONLY"),
        ("START TRANSACTION ISOLATION LEVEL REPEATABLE READ", "ISOLATION LEVEL REPEATABLE READ"),
        ("START TRANSACTION", ""),
        ("BEGIN TRANSACTION", ""),
    ],
)
def test_what_a_script_asks_of_its_transaction_is_kept(begin: str, modes: str) -> None:
    script = parse_script(f"{begin};\nSELECT 1;\nCOMMIT;\n", "own.sql")

    assert script.begin is not None
    assert (script.begin.sql, script.modes) == (begin, modes)
    assert [line.sql for line in script.lines] == ["SELECT 1"]


@given(scale=st.integers(1, 50), seed=st.integers())
def test_variables_stay_within_their_bounds(scale: int, seed: int) -> None:
    draw = random.Random(seed)
    aid, bid, delta = parse_script(TPCB, "tpcb.sql").steps[:3]

    assert 1 <= aid.value(draw, scale) <= 100_000 * scale  # type: ignore[union-attr]
    assert 1 <= bid.value(draw, scale) <= scale  # type: ignore[union-attr]
    assert -5000 <= delta.value(draw, scale) <= 5000  # type: ignore[union-attr]


@given(st.text(alphabet=" abc:;'\"-\\\nset random(1,2)BEGINEND", max_size=60))
def test_any_text_is_a_script_or_an_error_with_its_place(text: str) -> None:
    told = "x.sql"
    try:
        parse_script(text, "x.sql")
    except UsageError as error:
        told = str(error)

    assert told.startswith("x.sql")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "x.sql: no statement"),
        ("SELECT 1", "x.sql:1: a statement has no end"),
        ("\nSELECT :a;", "x.sql:2: a variable that is not set: ':a'"),
        ("\\set a gauss(1, 2)\nSELECT :a;", "x.sql:1: not understood"),
        ("\\set a random(3, 2)\nSELECT :a;", "x.sql:1: an empty range"),
        ("BEGIN; SELECT 1;", "x.sql:1: half a transaction"),
        ("SELECT 1;\nCOMMIT;", "x.sql:2: half a transaction"),
    ],
)
def test_what_cannot_be_used_is_told_with_file_and_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_script(text, "x.sql")

    assert str(told.value).startswith(problem)
