"""How many asyncio tasks Python programs have that were started such that they answer."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter

import psutil

from pytest_roo_load.tracing.question import Question

__all__ = ["TaskCount"]

ANSWER_S = 0.5


class TaskCount:
    """The processes of a tree, asked how many tasks they have; all at once, so that they can answer meanwhile.

    Args:
        processes: Whom to ask.
        within_s: How long to wait for all of them.
    """

    def __init__(self, processes: Iterable[psutil.Process], within_s: float = ANSWER_S) -> None:
        self._deadline = perf_counter() + within_s
        self._silent = False
        self._questions: list[Question] = []
        for process in processes:
            try:
                question = Question.put(process, "tasks", within_s=self._left_s)
            except TimeoutError:
                self._silent = True
                continue
            if question is not None:
                self._questions.append(question)

    def __repr__(self) -> str:
        return f"<TaskCount of {len(self._questions)}{', one is silent' if self._silent else ''}>"

    @property
    def _left_s(self) -> float:
        return max(0.001, self._deadline - perf_counter())

    def result(self) -> int | None:
        """The sum; None where nobody tells, because none is such a program or uses asyncio, or one answers too late."""
        told = [self._answer(question) for question in self._questions]
        known = [number for number in told if number is not None]
        return None if self._silent or not known else sum(known)

    def _answer(self, question: Question) -> int | None:
        try:
            number: int | None = question.answer(self._left_s)
        except TimeoutError:
            self._silent = True
            return None
        return number
