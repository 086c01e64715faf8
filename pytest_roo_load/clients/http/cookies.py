"""The cookies of one virtual user, after RFC 6265."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from pytest_roo_load.clients.http.origin import Origin
from pytest_roo_load.clients.http.response import RawHeaders

__all__ = ["Cookie", "CookieJar"]

_MOST = 1000
_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """One cookie (RFC 6265, 5.3).

    Attributes:
        domain: The host that set it, or the domain that it named.
        host_only: Whether it goes back to exactly that host.
        path: Paths that begin with it get the cookie.
        secure: Whether it goes over TLS only.
        expires: Seconds since 1970 at which it ends; None: with the user.
    """

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    expires: float | None

    def belongs_to(self, origin: Origin, path: str, now: float) -> bool:
        """Whether a request carries it."""
        return (
            (origin.tls or not self.secure)
            and (self.expires is None or self.expires > now)
            and (origin.host == self.domain or (not self.host_only and _is_within(origin.host, self.domain)))
            and _path_matches(path, self.path)
        )


class CookieJar:
    """What servers have told one user to remember. There is no list of public suffixes: a load has few targets."""

    __slots__ = ("_cookies",)

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Cookie] = {}

    def __repr__(self) -> str:
        return f"<CookieJar of {len(self)} cookies>"

    def __len__(self) -> int:
        return len(self._cookies)

    def __getitem__(self, name: str) -> str:
        for cookie in self._cookies.values():
            if cookie.name == name:
                return cookie.value
        raise KeyError(name)

    def clear(self) -> None:
        """Forget all of them, as a new visitor would have none."""
        self._cookies.clear()

    def store(self, raw_headers: RawHeaders, origin: Origin, path: str) -> None:
        """Take the cookies that an answer sets; what the standard says to ignore is ignored."""
        now = time.time()
        for name, value in raw_headers:
            if name.lower() == b"set-cookie" and len(value) <= _MAX_BYTES:
                cookie = parse(value.decode("latin-1"), origin, path, now)
                if cookie is not None:
                    self._keep(cookie, now)

    def _keep(self, cookie: Cookie, now: float) -> None:
        key = cookie.domain, cookie.path, cookie.name
        if cookie.expires is not None and cookie.expires <= now:
            self._cookies.pop(key, None)
        elif key in self._cookies or len(self._cookies) < _MOST:
            self._cookies[key] = cookie

    def line(self, origin: Origin, path: str) -> str:
        """The header line of a request, or nothing when no cookie belongs to it; longer paths go first."""
        now, bare = time.time(), path.partition("?")[0]
        fitting = [cookie for cookie in self._cookies.values() if cookie.belongs_to(origin, bare, now)]
        if not fitting:
            return ""
        fitting.sort(key=lambda cookie: -len(cookie.path))
        return f"Cookie: {'; '.join(f'{cookie.name}={cookie.value}' for cookie in fitting)}\r\n"


def parse(text: str, origin: Origin, path: str, now: float) -> Cookie | None:
    """The cookie that a Set-Cookie header means (RFC 6265, 5.2), None when it is to be ignored."""
    pair, *rest = text.split(";")
    name, equals, value = (part.strip() for part in pair.partition("="))
    attributes = {key.strip().lower(): content.strip() for key, _, content in (part.partition("=") for part in rest)}
    domain = attributes.get("domain", "").lstrip(".").lower()
    if not equals or not name or any(ord(mark) < 32 for mark in name + value):  # noqa: PLR2004 - control characters
        return None
    if domain and not (domain == origin.host or _is_within(origin.host, domain)):
        return None
    given = attributes.get("path", "")
    return Cookie(
        name=name,
        value=value,
        domain=domain or origin.host,
        host_only=not domain,
        path=given if given.startswith("/") else _default_path(path),
        secure="secure" in attributes,
        expires=_expiry(attributes, now),
    )


def _expiry(attributes: dict[str, str], now: float) -> float | None:
    age = attributes.get("max-age", "")
    if age.removeprefix("-").isdecimal():
        return now + int(age) if int(age) > 0 else 0.0
    try:
        return parsedate_to_datetime(attributes["expires"].replace("-", " ")).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None


def _is_within(host: str, domain: str) -> bool:
    """Whether a host lies below a domain; an address lies below none."""
    return host.endswith(f".{domain}") and not host.replace(".", "").isdecimal()


def _default_path(path: str) -> str:
    folder = path.partition("?")[0].rpartition("/")[0]
    return folder or "/"


def _path_matches(path: str, prefix: str) -> bool:
    return path == prefix or (path.startswith(prefix) and (prefix.endswith("/") or path[len(prefix)] == "/"))
