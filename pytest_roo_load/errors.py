"""Every error that pytest-roo-load raises, as one tree.

RooLoadError
├── UsageError          what the user wrote cannot be used: place, value, what is allowed, what to do
├── ServiceError        a service could not be started or reached
│   └── KeeperError     the keeper refused, died or did not answer
├── FaultError          a fault did not take hold or could not be mended
│   └── FaultMissed     it was there, and nothing had it by its end
├── OperationError      an operation of a journey failed; it has been counted already
│   ├── OperationTimeout
│   ├── ConnectError    no connection could be made
│   ├── ConnectionLost  the connection ended before the answer was complete
│   ├── ProtocolError   the answer was not HTTP or WebSocket as the standard has it
│   ├── UnexpectedAnswer  a well-formed answer that the caller cannot go on with
│   │   └── NotOffered    the answer of a server that has no such route
│   └── StatementFailed   a database refused a statement
├── FeedExhausted       a user asked for a row after a feed's last one
├── CapacityError       a search for a capacity ended without one
└── GeneratorError      a generator died or could not take the load

RooLoadWarning is the one warning: something was measured, but not as the user may think.

An error keeps its facts as attributes; its text says what happened, what was tried and what to do.
"""

from __future__ import annotations

__all__ = [
    "CapacityError",
    "ConnectError",
    "ConnectionLost",
    "FaultError",
    "FaultMissed",
    "FeedExhausted",
    "GeneratorError",
    "KeeperError",
    "NotOffered",
    "OperationError",
    "OperationTimeout",
    "ProtocolError",
    "RooLoadError",
    "RooLoadWarning",
    "ServiceError",
    "StatementFailed",
    "UnexpectedAnswer",
    "UsageError",
]


class RooLoadError(Exception):
    """The root of everything that pytest-roo-load raises on purpose."""


class RooLoadWarning(UserWarning):
    """Something was measured, but not as the user may think."""


class UsageError(RooLoadError):
    """What the user wrote cannot be used.

    Args:
        problem: What is wrong, in a few words: "unknown metric".
        value: The text or object as it was given.
        allowed: What would have been right.
        place: File and line, option, variable or marker; None when the caller will add it with `at`.
        remedy: What to do, when `allowed` does not say it.
    """

    def __init__(
        self, problem: str, *, value: object, allowed: str, place: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.value = value
        self.allowed = allowed
        self.place = place
        self.remedy = remedy

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_usage_error, (self.problem, self.value, self.allowed, self.place, self.remedy)

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{where}{self.problem}: {self.value!r} (allowed: {self.allowed}){remedy}"

    def at(self, place: str) -> UsageError:
        """The same error with its place, unless it has one already."""
        return UsageError(
            self.problem, value=self.value, allowed=self.allowed, place=self.place or place, remedy=self.remedy
        )


def _rebuild_usage_error(
    problem: str, value: object, allowed: str, place: str | None, remedy: str | None
) -> UsageError:
    return UsageError(problem, value=value, allowed=allowed, place=place, remedy=remedy)


class ServiceError(RooLoadError):
    """A service could not be started or reached."""


class KeeperError(ServiceError):
    """The keeper refused, died or did not answer."""


class FaultError(RooLoadError):
    """A fault did not take hold or could not be mended."""


class FaultMissed(FaultError):
    """A fault was mended and had broken nothing, or too little: no connection had it, nothing came by."""


class OperationError(RooLoadError):
    """An operation of a journey failed; a client has counted the failure, so a journey need not count it again.

    Attributes:
        kind: The short name under which failures of this sort are counted, such as "timeout" or "status 500".
        counted: Whether a client has counted it; one that a journey raises by itself, for example, is not yet.
    """

    kind = "failed"
    counted = False

    def __init__(self, message: str, *, kind: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind or type(self).kind


class OperationTimeout(OperationError):
    """The deadline passed before the answer was complete."""

    kind = "timeout"


class ConnectError(OperationError):
    """No connection could be made."""

    kind = "connect"


class ConnectionLost(OperationError):
    """The connection ended before the answer was complete."""

    kind = "connection lost"


class ProtocolError(OperationError):
    """The answer was not what the protocol's standard allows."""

    kind = "protocol"


class UnexpectedAnswer(OperationError):
    """A well-formed answer that the caller cannot go on with, such as a status it did not expect."""

    kind = "unexpected answer"


class NotOffered(UnexpectedAnswer):
    """The server has no such route; its text is the answer that it gave."""

    kind = "not offered"


class StatementFailed(OperationError):
    """A database refused a statement.

    Attributes:
        sqlstate: The five characters of the SQL standard that say why, such as "40P01".
    """

    kind = "statement failed"

    def __init__(self, message: str, *, sqlstate: str = "XX000", kind: str | None = None) -> None:
        super().__init__(message, kind=kind)
        self.sqlstate = sqlstate

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_statement_failed, (str(self), self.sqlstate, self.kind)


def _rebuild_statement_failed(message: str, sqlstate: str, kind: str) -> StatementFailed:
    return StatementFailed(message, sqlstate=sqlstate, kind=kind)


class FeedExhausted(RooLoadError):
    """A user asked for a row after a feed's last one; the journey may catch it, else it is a failed operation."""


class CapacityError(RooLoadError):
    """A search for a capacity ended without one; nothing is guessed."""


class GeneratorError(RooLoadError):
    """A generator died or could not take the load."""
