"""The hosts to which a URL leads, as every client that is given it reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import parse_qsl, unquote, urlsplit

from pytest_roo_load.errors import UsageError

__all__ = ["hosts_of", "is_local"]

# All clients of these read a URL as `urlsplit` does; those of PostgreSQL differ from it and from each other.
_REDIS = frozenset({"redis", "rediss", "unix"})
_READ_ALIKE = frozenset({"http", "https", "ws", "wss", "tcp", "udp"}) | _REDIS
# What can say in a query where a PostgreSQL is → the variable that says so where the URL does not.
_VARIABLES = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "service": "PGSERVICE"}
_WITH_PORT = re.compile(r"\[(?P<bracketed>[^\]]*)\](?::\d*)?|(?P<host>[^:]*):\d*")


def hosts_of(url: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Every host to which a client can connect, in small letters; none means the client's default, this machine.

    A folder of sockets is told by its path, an entry of PostgreSQL's file of services as "service=NAME".

    Args:
        url: Of a server, a Redis or a PostgreSQL. The latter's queries and lists of hosts are those of libpq's URIs,
            https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS.
        environment: Its PGHOST, PGHOSTADDR and PGSERVICE complete the URL of a PostgreSQL.

    Raises:
        UsageError: It is the URL of a PostgreSQL that drivers read differently.
    """
    parts = urlsplit(url)
    if parts.scheme not in _READ_ALIKE:
        _check_clear(url, parts.netloc)
        found = _of_postgres(unquote(parts.netloc.rpartition("@")[2]), parts.query, environment)
    else:
        asked = parse_qsl(parts.query) if parts.scheme in _REDIS else []
        found = iter([parts.hostname or "", *(value for name, value in asked if name == "host")])
    return tuple(dict.fromkeys(host.lower() for host in found if host))


def is_local(host: str) -> bool:
    """Whether one of `hosts_of` is this machine: localhost, an address of the loopback, or a folder of sockets."""
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_clear(url: str, place: str) -> None:
    """Asyncpg and libpq take what is before the first @ for the login, `urlsplit` before the last; libpq knows no #."""
    if url.partition("://")[2].count("@") != ("@" in place) or "#" in url:
        raise UsageError(
            "drivers differ in where this leads",
            value="a URL with @ or # in a password, a name or a setting",
            allowed="one @, before the host, and no #",
            remedy="write %40 for @ and %23 for #",
        )


def _of_postgres(place: str, query: str, environment: Mapping[str, str]) -> Iterator[str]:
    told = [("host", place), *parse_qsl(query)]
    for name, variable in _VARIABLES.items():
        hosts = [_bare(host) for key, value in told if key == name for host in value.split(",")]
        if not any(hosts):
            hosts = [_bare(host) for host in environment.get(variable, "").split(",")]
        yield from (f"service={host}" if host and name == "service" else host for host in hosts)


def _bare(host: str) -> str:
    """A host without its port and brackets."""
    found = _WITH_PORT.fullmatch(host)
    return host if found is None else found["bracketed"] or found["host"] or ""
