from __future__ import annotations

import jwt
import pytest

from pytest_roo_load.ccs.errors import TokenError, TokenExpiredError
from pytest_roo_load.ccs.tokens import AccessClaims, RefreshClaims, Tokens

NOW = 1_800_000_000.0
SECRET = "k" * 32
ACCESS = AccessClaims(user_id="u", email="e@example.org", session_id="s", display_name="Ada")
REFRESH = RefreshClaims(user_id="u", session_id="s", generation=3)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET, access_ttl_s=900, refresh_ttl_s=604_800)


def test_what_is_signed_is_read_back(tokens: Tokens) -> None:
    assert tokens.read_access(tokens.access(ACCESS, now=NOW), now=NOW) == ACCESS
    assert tokens.read_refresh(tokens.refresh(REFRESH, now=NOW), now=NOW) == REFRESH


def test_the_claims_are_those_of_the_contract(tokens: Tokens) -> None:
    claims = jwt.decode(tokens.access(ACCESS, now=NOW), options={"verify_signature": False})
    assert {"user_id", "email", "session_id", "display_name"} <= set(claims)
    assert claims["exp"] - claims["iat"] == 900


def test_a_token_ends_on_time_also_when_it_was_read_before(tokens: Tokens) -> None:
    token = tokens.access(ACCESS, now=NOW)
    assert tokens.read_access(token, now=NOW + 899) == ACCESS
    with pytest.raises(TokenExpiredError):
        tokens.read_access(token, now=NOW + 900)


def test_neither_kind_stands_in_for_the_other(tokens: Tokens) -> None:
    with pytest.raises(TokenError, match="not an access token"):
        tokens.read_access(tokens.refresh(REFRESH, now=NOW), now=NOW)
    with pytest.raises(TokenError, match="not a refresh token"):
        tokens.read_refresh(tokens.access(ACCESS, now=NOW), now=NOW)


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "é.é.é", "." * 10_000])
def test_nonsense_is_refused(tokens: Tokens, token: str) -> None:
    with pytest.raises(TokenError):
        tokens.read_access(token, now=NOW)


def test_a_foreign_or_missing_signature_is_refused(tokens: Tokens) -> None:
    claims = jwt.decode(tokens.access(ACCESS, now=NOW), options={"verify_signature": False})
    for forged in (jwt.encode(claims, "x" * 32, "HS256"), jwt.encode(claims, "", "none")):
        with pytest.raises(TokenError, match="cannot be verified"):
            tokens.read_access(forged, now=NOW)


@pytest.mark.parametrize("missing", ["type", "user_id", "email", "session_id", "exp"])
def test_a_claim_that_is_missing_is_refused(tokens: Tokens, missing: str) -> None:
    claims = jwt.decode(tokens.access(ACCESS, now=NOW), options={"verify_signature": False})
    del claims[missing]
    with pytest.raises(TokenError):
        tokens.read_access(jwt.encode(claims, SECRET, "HS256"), now=NOW)
