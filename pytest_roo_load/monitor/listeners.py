"""Which processes of this machine stand behind a port."""

from __future__ import annotations

import ipaddress

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
    found = {
        one.pid
        for one in connections
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid
    }
    return tuple(sorted(pid for pid in found if _parent(pid) not in found))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parent(pid: int) -> int | None:
    try:
        return psutil.Process(pid).ppid()
    except psutil.Error:
        return None
