"""What the processes of a run under xdist know of each other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.session.crew import Crew, Nodes

WORKERS = ("gw0", "gw1", "gw2")


@pytest.fixture
def crew(tmp_path: Path) -> Crew:
    return Crew(tmp_path)


def started(crew: Crew, names: Iterable[str]) -> Nodes:
    nodes = Nodes(crew)
    for name in names:
        nodes.add(name)
    return nodes


def test_without_its_folder_there_is_nothing_to_know(tmp_path: Path) -> None:
    crew = Crew(tmp_path / "never made")
    nodes = started(crew, WORKERS)
    nodes.remove("gw0", replaced=True)
    crew.stop()
    assert not (tmp_path / "never made").exists()
    assert (crew.there, crew.stopped, crew.has_begun("gw0", "t"), crew.others_may_measure("gw0")) == (False,) * 4
    assert "not there" in repr(crew)


def test_a_worker_stays_until_all_others_are_through(crew: Crew) -> None:
    started(crew, WORKERS)
    for name in WORKERS[:2]:
        crew.through(name)
    assert crew.others_may_measure("gw0")
    crew.through("gw2")
    assert not any(crew.others_may_measure(name) for name in WORKERS)


def test_nothing_is_missed_between_a_crash_and_its_replacement(crew: Crew) -> None:
    nodes = started(crew, WORKERS[:2])
    crew.through("gw0")
    assert crew.others_may_measure("gw0"), "gw1 has died, but the controller does not know yet"
    nodes.remove("gw1", replaced=True)
    assert crew.others_may_measure("gw0"), "gw1 is known to be gone, its replacement has not been started yet"
    assert "1 awaited" in repr(nodes)
    nodes.add("gw2")
    assert crew.others_may_measure("gw0"), "the replacement has not run out of tests yet"
    crew.through("gw2")
    assert not crew.others_may_measure("gw0")


def test_nobody_waits_for_a_worker_that_is_not_replaced(crew: Crew) -> None:
    nodes = started(crew, WORKERS[:2])
    nodes.remove("gw1", replaced=False)
    assert not crew.others_may_measure("gw0")


def test_a_list_that_was_kept_is_posted_when_the_folder_is_made(tmp_path: Path) -> None:
    crew = Crew(tmp_path / "later")
    nodes = started(crew, WORKERS)
    crew.folder.mkdir()
    assert not crew.others_may_measure("gw0"), "no test was given out yet"
    nodes.post()
    assert crew.others_may_measure("gw0")


def test_what_a_worker_has_begun(crew: Crew) -> None:
    crew.begin("gw1", "test_it.py::test_a[ä]")
    assert crew.has_begun("gw1", "test_it.py::test_a[ä]")
    assert not crew.has_begun("gw0", "test_it.py::test_a[ä]")
    crew.begin("gw1", "test_it.py::test_b")
    assert not crew.has_begun("gw1", "test_it.py::test_a[ä]")


def test_a_crew_is_stopped_for_good(crew: Crew) -> None:
    assert not crew.stopped
    assert "at work" in repr(crew)
    crew.stop()
    crew.stop()
    assert crew.stopped
    assert "stopped" in repr(crew)


@given(st.lists(st.sampled_from(["crash", "replace", "through"]), max_size=30))
def test_whoever_may_still_measure_is_waited_for(tmp_path_factory: pytest.TempPathFactory, events: list[str]) -> None:
    """Whatever happens to the others: gw0 waits exactly while one of them, or one that is awaited, is not through."""
    crew = Crew(tmp_path_factory.mktemp("crew"))
    nodes = started(crew, ["gw0", "gw1"])
    busy, awaited, newest = ["gw1"], 0, 1
    for event in events:
        if event == "replace" and awaited:
            newest, awaited = newest + 1, awaited - 1
            nodes.add(f"gw{newest}")
            busy.append(f"gw{newest}")
        elif event == "crash" and busy:
            nodes.remove(busy.pop(0), replaced=True)
            awaited += 1
        elif event == "through" and busy:
            crew.through(busy.pop())
        assert crew.others_may_measure("gw0") == bool(busy or awaited)
