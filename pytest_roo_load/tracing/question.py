"""Asks a Python program that was started such that it answers."""

from __future__ import annotations

import json
import socket
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil

from pytest_roo_load.tracing.environment import FOLDER

__all__ = ["Question", "told"]

ANSWER_S = 60.0


class Question:
    """What a process was asked and has not yet answered. Closes with its answer.

    Args:
        connection: To the process, which has been sent the order.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def __repr__(self) -> str:
        return f"<Question{'' if self._connection.fileno() >= 0 else ', closed'}>"

    @classmethod
    def put(cls, process: psutil.Process, order: str, *, within_s: float) -> Question | None:
        """Give a process an order (`tracing/bootstrap` has them); None for one that does not listen, or has ended.

        Raises:
            TimeoutError: It listens and does not take the order.
        """
        folder = _folder(process)
        if folder is None:
            return None
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(within_s)
            connection.connect(str(folder / str(process.pid)))
            connection.sendall(f"{order}\n".encode())
        except (TimeoutError, BlockingIOError) as error:  # which of them depends on how full the queue is
            connection.close()
            raise TimeoutError from error
        except OSError:
            connection.close()
            return None
        return cls(connection)

    def answer(self, within_s: float) -> Any:
        """What the process answers; None for one that has ended meanwhile.

        Raises:
            TimeoutError: It does not.
        """
        with closing(self._connection), suppress(ConnectionError):
            self._connection.settimeout(max(0.001, within_s))
            with self._connection.makefile("rb") as file:
                return json.loads(file.read() or b"null")


def _folder(process: psutil.Process) -> Path | None:
    """Where its socket is."""
    with suppress(psutil.Error, OSError):
        folder = process.environ().get(FOLDER)
        return None if folder is None else Path(folder)
    return None


def told(pid: int, order: str) -> Any:
    """What a process answers to an order; None for one that does not listen, has ended, or is silent for a minute."""
    with suppress(psutil.Error, TimeoutError):
        question = Question.put(psutil.Process(pid), order, within_s=ANSWER_S)
        return None if question is None else question.answer(ANSWER_S)
    return None
