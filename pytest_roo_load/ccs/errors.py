"""The errors of the reference server.

CcsError
├── SettingsError       options that cannot be used, all problems at once
├── StartupError        a service did not answer in time
├── CacheError          Redis could not be asked
├── TokenError          a token that proves nothing (TokenExpiredError: it did once)
└── ApiError            an answer other than success
    ├── UnavailableError    503: a service the answer needs is away
    └── ConflictError       409: two versions of a file
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class CcsError(Exception):
    """Whatever this server raises on purpose."""


class SettingsError(CcsError):
    """Options that cannot be used; ``problems`` has one line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"ccs: {problem}" for problem in problems))


class StartupError(CcsError):
    """``service`` did not answer within ``waited_s`` seconds; the cause is the last error."""

    def __init__(self, service: str, waited_s: float, last: BaseException) -> None:
        self.service = service
        self.waited_s = waited_s
        super().__init__(
            f"ccs: {service} did not answer within {waited_s:g} s; the last error was {type(last).__name__}: {last}. "
            f"Start {service}, correct its address, or raise --startup-timeout."
        )


class CacheError(CcsError):
    """Redis could not be asked; the caller decides what stands in for it."""


class TokenError(CcsError):
    """A token that was not signed by this server, or not for this use."""


class TokenExpiredError(TokenError):
    """A genuine token whose time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one field of a request; the wire form of a validation detail."""

    field: str
    message: str
    code: str


class ApiError(CcsError):
    """An answer other than success: HTTP ``status``, machine-readable ``code``, ``message`` for people.

    ``members`` are further members of the answer, each JSON text already.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.headers = dict(headers or {})
        self.members: dict[str, str] = {}
        super().__init__(f"{status} {code}: {message}")


class UnavailableError(ApiError):
    """503: the database or another service the answer needs is away; trying again later may help."""

    def __init__(self, service: str) -> None:
        self.service = service
        super().__init__(
            503, "SERVICE_UNAVAILABLE", f"{service} is not reachable, try again", headers={"Retry-After": "1"}
        )


class ConflictError(ApiError):
    """409: a version of a file is not based on the current one. Both are JSON text."""

    def __init__(self, *, local: str, remote: str) -> None:
        super().__init__(409, "SYNC_CONFLICT", "The offered version is not based on the current one")
        self.members["conflict"] = f'{{"local":{local},"remote":{remote}}}'


def invalid(*problems: Problem) -> ApiError:
    """The 400 answer for fields that cannot be accepted."""
    return ApiError(400, "VALIDATION_ERROR", "Validation failed", details=problems)


def not_found(noun: str) -> ApiError:
    """The 404 answer for a ``noun`` that does not exist: its code is ``NOUN_NOT_FOUND``."""
    return ApiError(404, f"{noun.upper()}_NOT_FOUND", f"{noun.capitalize()} not found")


def forbidden(reason: str) -> ApiError:
    """The 403 answer."""
    return ApiError(403, "PERMISSION_DENIED", reason)
