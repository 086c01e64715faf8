"""Values of the header Authorization."""

from __future__ import annotations

from base64 import b64encode

from pytest_roo_load.errors import UsageError

__all__ = ["basic", "bearer"]


def basic(name: str, password: str) -> str:
    """For a name and a password (RFC 7617), as UTF-8.

    Raises:
        UsageError: The name has a colon: where it ends could not be told.
    """
    if ":" in name:
        raise UsageError("not a name for basic authentication", value=name, allowed="a name without a colon")
    return f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


def bearer(token: str) -> str:
    """For a token (RFC 6750)."""
    return f"Bearer {token}"
