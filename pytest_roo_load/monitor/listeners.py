"""Which processes of this machine stand behind a port."""

from __future__ import annotations

import ipaddress
from typing import Any

import psutil

__all__ = ["listeners"]


def listeners(host: str, port: int) -> tuple[int, ...]:
    """The processes that listen on a port of this machine, without those whose parent is among them.

    None for a host that is not a loopback address, for port 0, or where the operating system does not tell.
    """
    if not port or not _is_loopback(host):
        return ()
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return ()
    return tuple(sorted({_first(one.pid, port) for one in connections if _is_listener(one, port) and one.pid}))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_listener(connection: Any, port: int) -> bool:
    return bool(connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port)


def _first(pid: int, port: int) -> int:
    """The process, or the ancestor that it has the socket from: of those who share one, psutil names any."""
    try:
        parent = psutil.Process(pid).parent()
        if parent is not None and any(_is_listener(one, port) for one in parent.net_connections(kind="tcp")):
            return _first(parent.pid, port)
    except psutil.Error:
        return pid
    return pid
