"""Sockets of real processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing

import psutil
import pytest

from pytest_roo_load.monitor.descriptors import connections_of, descriptors_of


@pytest.fixture
def me() -> psutil.Process:
    return psutil.Process()


@pytest.fixture
def ended() -> Iterator[psutil.Process]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        known = psutil.Process(process.pid)
        process.communicate(b"\n")
        yield known


@pytest.mark.parametrize("linux", [True, False], ids=["links", "psutil"])
def test_sockets_of_every_family_count_and_files_do_not(
    me: psutil.Process, monkeypatch: pytest.MonkeyPatch, *, linux: bool
) -> None:
    monkeypatch.setattr(psutil, "LINUX", linux)
    before, all_before = connections_of(me), descriptors_of(me)
    assert before is not None
    assert all_before is not None
    with ExitStack() as stack:
        for opened in (*socket.socketpair(), socket.create_server(("127.0.0.1", 0))):
            stack.enter_context(closing(opened))
        stack.enter_context(tempfile.TemporaryFile())
        assert connections_of(me) == before + 3
        assert descriptors_of(me) == all_before + 4
    assert connections_of(me) == before


@pytest.mark.parametrize("linux", [True, False], ids=["links", "psutil"])
def test_one_that_has_ended_has_none(ended: psutil.Process, monkeypatch: pytest.MonkeyPatch, *, linux: bool) -> None:
    monkeypatch.setattr(psutil, "LINUX", linux)
    assert connections_of(ended) == 0
    with pytest.raises(psutil.NoSuchProcess):
        descriptors_of(ended)


def test_a_descriptor_that_is_closed_meanwhile_does_not_count(
    me: psutil.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = connections_of(me)
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: [*listed(folder), "99999"])
    assert connections_of(me) == before


def test_a_process_of_another_user_does_not_tell(me: psutil.Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root everything can be seen, so the folder of descriptors is one that may not be opened."""

    def refused(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refused)
    assert connections_of(me) is None
