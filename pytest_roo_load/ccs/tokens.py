"""JSON Web Tokens: what they say, how they are signed, when they are believed. No I/O; time is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt

from pytest_roo_load.ccs.errors import TokenError, TokenExpiredError

_ALGORITHM = "HS256"
_ACCESS, _REFRESH = "access", "refresh"
# The claims are checked here, so that a verified token can be kept and only its time looked at again.
_SIGNATURE_ONLY: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
# A signature is checked once for each of the most recent tokens. Revocation is not a property of the token.
_REMEMBERED = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """Who is asking: the claims of an access token (UUIDs as text)."""

    user_id: str
    email: str
    session_id: str
    display_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaims:
    """The claims of a refresh token: the ``generation``-th of its session; only the newest one is good."""

    user_id: str
    session_id: str
    generation: int


class Tokens:
    """Signs and reads tokens with one HS256 key; lifetimes in seconds."""

    def __init__(self, secret: str, *, access_ttl_s: float, refresh_ttl_s: float) -> None:
        self._secret = secret
        self.access_ttl_s = access_ttl_s
        self.refresh_ttl_s = refresh_ttl_s
        self._verified = lru_cache(maxsize=_REMEMBERED)(self._verify)

    def __repr__(self) -> str:
        return f"<Tokens access {self.access_ttl_s:g} s, refresh {self.refresh_ttl_s:g} s>"

    def access(self, claims: AccessClaims, *, now: float) -> str:
        """Return a signed access token, good from ``now`` (seconds since the epoch) for ``access_ttl_s``."""
        payload: dict[str, Any] = {
            "type": _ACCESS,
            "user_id": claims.user_id,
            "email": claims.email,
            "session_id": claims.session_id,
        }
        if claims.display_name is not None:
            payload["display_name"] = claims.display_name
        return self._sign(payload, now, self.access_ttl_s)

    def refresh(self, claims: RefreshClaims, *, now: float) -> str:
        """Return a signed refresh token, good from ``now`` for ``refresh_ttl_s``."""
        payload = {
            "type": _REFRESH,
            "user_id": claims.user_id,
            "session_id": claims.session_id,
            "generation": claims.generation,
        }
        return self._sign(payload, now, self.refresh_ttl_s)

    def read_access(self, token: str, *, now: float) -> AccessClaims:
        """Return what an access token says.

        Raises:
            TokenExpiredError: it was good once.
            TokenError: it never was.
        """
        claims, expires_at = self._verified(token)
        if not isinstance(claims, AccessClaims):
            raise TokenError("not an access token")
        if now >= expires_at:
            raise TokenExpiredError("the access token has expired")
        return claims

    def read_refresh(self, token: str, *, now: float) -> RefreshClaims:
        """Return what a refresh token says; raises as `read_access` does."""
        claims, expires_at = self._verify(token)
        if not isinstance(claims, RefreshClaims):
            raise TokenError("not a refresh token")
        if now >= expires_at:
            raise TokenExpiredError("the refresh token has expired")
        return claims

    def _sign(self, payload: dict[str, Any], now: float, lifetime_s: float) -> str:
        return jwt.encode({**payload, "iat": int(now), "exp": int(now + lifetime_s)}, self._secret, _ALGORITHM)

    def _verify(self, token: str) -> tuple[AccessClaims | RefreshClaims, float]:
        try:
            payload = jwt.decode(token, self._secret, [_ALGORITHM], options=_SIGNATURE_ONLY)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise TokenError("the token cannot be verified") from error
        expires_at = payload.get("exp")
        if not isinstance(expires_at, (int, float)):
            raise TokenError("the token does not say when it ends")
        return _claims(payload), expires_at


def _claims(payload: dict[str, Any]) -> AccessClaims | RefreshClaims:
    match payload:
        case {"type": "access", "user_id": str(user), "email": str(email), "session_id": str(session)}:
            name = payload.get("display_name")
            return AccessClaims(
                user_id=user, email=email, session_id=session, display_name=name if isinstance(name, str) else None
            )
        case {"type": "refresh", "user_id": str(user), "session_id": str(session), "generation": int(generation)}:
            return RefreshClaims(user_id=user, session_id=session, generation=generation)
    raise TokenError("the token lacks a claim")
