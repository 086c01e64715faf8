"""Passwords in URLs, which are for their server alone."""

from __future__ import annotations

import re

__all__ = ["without_password"]

_SETTING = re.compile(r"(\b(?:ssl)?password=)[^&\s]*", re.IGNORECASE)


def without_password(url: str) -> str:
    """The URL as it may be shown: a password in the login or among the settings of the query, if any, as ***."""
    scheme, separator, rest = _SETTING.sub(r"\1***", url).partition("://")  # first: a setting may have a : and an @
    login, at, place = rest.rpartition("@")
    if at:
        user, colon, _ = login.partition(":")
        rest = f"{user}{colon and ':***'}@{place}"
    return f"{scheme}{separator}{rest}"
