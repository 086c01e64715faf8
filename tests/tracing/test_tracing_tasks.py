"""Real Python programs tell how many asyncio tasks they have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from engine_lab import eventually
from tracing_lab import Program, program

from pytest_roo_load.monitor.processes import ProcessProbe
from pytest_roo_load.tracing.question import Question, told
from pytest_roo_load.tracing.tasks import TaskCount

LOOPS = """
import asyncio, threading

def hold(number, make=asyncio.new_event_loop):
    '''An event loop in a thread of its own, with a main task, so many that wait, and five that are done.'''
    ready = threading.Event()
    async def main():
        held = [asyncio.ensure_future(asyncio.sleep(600)) for _ in range(number)]
        held += [asyncio.ensure_future(asyncio.sleep(0)) for _ in range(5)]
        await asyncio.wait(held[number:])
        ready.set()
        await asyncio.sleep(600)
    threading.Thread(target=lambda: make().run_until_complete(main()), daemon=True).start()
    ready.wait()
"""


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("t")  # short: the path of a socket is limited


@pytest.fixture
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("t")


@contextmanager
def with_loops(folder: Path) -> Iterator[Program]:
    (folder / "loops.py").write_text(LOOPS, encoding="utf-8")
    with program(folder) as one:
        one.do("import loops")
        yield one


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    assert eventually(lambda: stands_still(pid)), "the kernel stops one thread after the other"
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def stands_still(pid: int) -> bool:
    threads = psutil.Process(pid).threads()
    return all(psutil.Process(one.id).status() == psutil.STATUS_STOPPED for one in threads)


def count(*pids: int, within_s: float = 30.0) -> int | None:
    return TaskCount([psutil.Process(pid) for pid in pids], within_s).result()


def test_tasks_of_all_event_loops_that_are_not_done(folder: Path) -> None:
    with with_loops(folder) as one:
        assert count(one.pid) == 0
        one.do("loops.hold(7)")
        assert count(one.pid) == 8
        one.do("loops.hold(20)")
        assert count(one.pid) == 29


def test_tasks_of_another_event_loop(folder: Path) -> None:
    pytest.importorskip("uvloop")
    with with_loops(folder) as one:
        one.do("import uvloop; loops.hold(7, uvloop.new_event_loop)")
        assert count(one.pid) == 8


def test_a_program_without_asyncio_has_no_number(folder: Path) -> None:
    with program(folder) as one:
        assert told(one.pid, "tasks") is None
        assert count(one.pid) is None


def test_the_tasks_of_several_programs_add_up_and_others_do_not_count(folder: Path, another: Path) -> None:
    with with_loops(folder) as one, with_loops(another) as other, program(folder) as without:
        one.do("loops.hold(3)")
        other.do("loops.hold(4)")
        asked = TaskCount(psutil.Process(pid) for pid in (one.pid, other.pid, without.pid, os.getpid()))
        assert repr(asked) == "<TaskCount of 3>"
        assert asked.result() == 4 + 5
        roots = {"both": (one.pid, other.pid), "me": (os.getpid(),)}
        uses = ProcessProbe(roots, alone=["me"], tasks=True).sample()
        assert (uses["both"].tasks, uses["me"].tasks) == (9, None)
        assert ProcessProbe(roots).sample()["both"].tasks is None


def test_one_that_is_silent_makes_the_sum_unknown_and_answers_later(folder: Path, another: Path) -> None:
    with with_loops(folder) as one, with_loops(another) as other:
        one.do("loops.hold(3)")
        other.do("loops.hold(4)")
        with stopped(other.pid):
            asked = TaskCount([psutil.Process(one.pid), psutil.Process(other.pid)], 0.05)
            assert asked.result() is None
            assert repr(asked) == "<TaskCount of 2, one is silent>"
        assert count(one.pid, other.pid) == 9, "nobody has waited for its answer, which does not matter"


def test_one_whose_queue_is_full_is_silent(folder: Path) -> None:
    with with_loops(folder) as one:
        process = psutil.Process(one.pid)
        questions = []
        with stopped(one.pid):
            with pytest.raises(TimeoutError):  # noqa: PT012 - at some time
                while True:
                    questions.append(Question.put(process, "tasks", within_s=0.05))
            assert len(questions) > 10
            assert count(one.pid, within_s=0.05) is None
        assert {question.answer(30.0) for question in questions if question} == {0}


def test_one_that_ends_instead_of_answering_has_no_tasks(folder: Path) -> None:
    with with_loops(folder) as one, with_loops(folder) as other:
        one.do("loops.hold(3)")
        with stopped(other.pid):
            asked = TaskCount([psutil.Process(one.pid), psutil.Process(other.pid)], 30.0)
            os.kill(other.pid, signal.SIGKILL)
        assert asked.result() == 4


def test_a_program_that_starts_itself_anew_answers_again(folder: Path) -> None:
    with with_loops(folder) as one:
        one.tell("os.execv(sys.executable, [sys.executable, *sys.argv])")
        assert one.read() == str(one.pid), "it has begun anew"
        one.do("import loops; loops.hold(2)")
        assert count(one.pid) == 3


def test_no_such_process_and_a_question_that_was_answered(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        gone = psutil.Process(process.pid)
        process.communicate(b"\n")
    assert Question.put(gone, "tasks", within_s=1.0) is None
    with program(folder) as one:
        question = Question.put(psutil.Process(one.pid), "tasks", within_s=1.0)
        assert repr(question) == "<Question>"
        assert question is not None
        assert question.answer(30.0) is None
        assert repr(question) == "<Question, closed>"


def test_where_asyncio_has_no_set_of_tasks_event_loops_are_noted_when_they_run(folder: Path) -> None:
    """As from Python 3.14 on; the finder is put in by hand, before asyncio is imported."""
    with program(folder) as one:
        one.do("import sitecustomize; sys.meta_path.insert(0, sitecustomize.LoopNoter())")
        (folder / "loops.py").write_text(LOOPS, encoding="utf-8")
        one.do("import loops; loops.hold(7); loops.hold(20)")
        counted = one.do(
            "print(sum(len(loops.asyncio.all_tasks(loop)) for loop in sitecustomize._loops), "
            "[one for one in sys.meta_path if 'Noter' in str(one)])"
        )
        assert counted == "29 [] done"
