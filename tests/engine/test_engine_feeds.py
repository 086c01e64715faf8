"""Feeds: every row goes to one user, over all generators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_lab import FLEETS, measure

from pytest_roo_load.core.profiles import iterations, spike
from pytest_roo_load.engine.feeds import Feed, csv_feed, json_lines_feed, made_feed
from pytest_roo_load.errors import FeedExhausted, UsageError


def squares(number: int) -> int:
    return number * number


@pytest.mark.parametrize("fleet", FLEETS)
def test_no_row_goes_to_two_users(fleet: str, tmp_path: Path) -> None:
    feed = made_feed(squares)

    async def collect(user: Any) -> None:
        async for _ in user.iterations():
            user.record("row", user.take(feed))
            await user.think(0.001)

    result = measure(collect, iterations(60, users=6), FLEETS[fleet](), tmp_path / "live")
    rows = result.values["row"].items
    assert len(rows) == len(set(rows)) == 60
    assert all(row**0.5 == int(row**0.5) for row in rows)


def test_users_who_come_again_go_on_where_they_were(tmp_path: Path) -> None:
    feed = made_feed(squares)

    async def collect(user: Any) -> None:
        async for _ in user.iterations():
            user.record("row", user.take(feed))
            user.record("drawn", user.random.random())
            await user.think(0.02)

    twice = spike(1, 3, before="0.1 s", spike="0.2 s", after="0.1 s")
    result = measure(collect, twice.then(twice), FLEETS["inline"](), tmp_path / "live")
    rows, drawn = result.values["row"].items, result.values["drawn"].items
    assert {row**0.5 % 3 for row in rows} == {0, 1, 2}, "all three users took some"
    assert len(rows) == len(set(rows))
    assert len(drawn) == len(set(drawn)) == len(rows)


def test_rows_of_files(tmp_path: Path) -> None:
    table, lines = tmp_path / "t.csv", tmp_path / "t.jsonl"
    table.write_text("name,age\nAda,36\nAlan\n", encoding="utf-8")
    lines.write_text('{"n": 1}\n\n[2]\n', encoding="utf-8")
    assert [csv_feed(table).row(number) for number in (0, 1)] == [
        {"name": "Ada", "age": "36"},
        {"name": "Alan", "age": ""},
    ]
    assert [json_lines_feed(lines, repeat=True).row(number) for number in range(3)] == [{"n": 1}, [2], {"n": 1}]
    with pytest.raises(FeedExhausted, match="has 2 rows, and row 3"):
        csv_feed(table).row(2)


def test_an_exhausted_feed_is_a_failed_operation(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("name\nAda\n", encoding="utf-8")
    feed = csv_feed(tmp_path / "t.csv")

    async def greedy(user: Any) -> None:
        user.take(feed)

    result = measure(greedy, iterations(3, users=1), FLEETS["inline"](), tmp_path / "live")
    assert result.errors["FeedExhausted"].count == 2


@pytest.mark.parametrize(
    ("content", "make", "message"),
    [
        (None, csv_feed, "cannot be read"),
        ("name\n", csv_feed, "no rows"),
        ("", json_lines_feed, "no rows"),
        ('{"a": 1}\nnot json\n', json_lines_feed, "feed:2: not JSON: 'not json'"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_at_once(
    tmp_path: Path, content: str | None, make: Callable[[Path], Feed], message: str
) -> None:
    path = tmp_path / "feed"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as told:
        make(path)
    assert message in str(told.value)
    with pytest.raises(UsageError, match="not a function"):
        made_feed(5)  # type: ignore[arg-type]


def test_the_byte_order_mark_of_a_file_is_no_part_of_its_rows(tmp_path: Path) -> None:
    table, lines = tmp_path / "t.csv", tmp_path / "t.jsonl"
    table.write_text("name,age\nAda,36\n", encoding="utf-8-sig")  # as Excel saves "CSV UTF-8"
    lines.write_text('{"n": 1}\n', encoding="utf-8-sig")
    assert csv_feed(table).row(0) == {"name": "Ada", "age": "36"}
    assert json_lines_feed(lines).row(0) == {"n": 1}
