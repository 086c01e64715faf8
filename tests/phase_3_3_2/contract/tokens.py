"""Tokens: what they open, and when they no longer do."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

from .visit import Visit

_NEW_PASSWORD = "Another-1-of-contract!"


async def a_login_hands_out_tokens_that_protected_routes_accept(visit: Visit) -> None:
    """The access token of a login opens the routes of its user."""
    person = await visit.person() if visit.place.accounts else None
    if person is None:
        email = (await visit.register()).must_be(201).data["user"]["email"]
        session = await visit.log_in(email)
    else:
        session = await visit.log_in(person.email, person.password)
    answer = (await visit.ask("GET", "/users/profile", by=session)).must_be(200)
    assert answer.data["user"]["id"] == session.user_id, answer.text[:300]


async def protected_routes_want_a_token(visit: Visit) -> None:
    """Without a token the answer is 401 UNAUTHORIZED."""
    for path in ("/auth/me", "/users/profile", "/users/devices", "/messages/search?q=x"):
        (await visit.ask("GET", path)).must_be(401, "UNAUTHORIZED")


async def tokens_of_others_make_are_refused(visit: Visit) -> None:
    """A token that is garbage, changed, or signed by nobody is answered 401 INVALID_TOKEN."""
    person = await visit.person()
    for token in ("garbage", person.token[:-6] + "AAAAAA", _unsigned(person.token)):
        answer = await visit.ask("GET", "/users/profile", by=replace(person, token=token))
        answer.must_be(401, "INVALID_TOKEN")


async def refresh_tokens_rotate(visit: Visit) -> None:
    """POST /auth/refresh gives a new pair, and the old refresh token is dead from then on."""
    session = await visit.again(await visit.person())
    body = {"refresh_token": session.refresh_token, "device_id": session.device_id}
    pair = (await visit.ask("POST", "/auth/refresh", body)).must_be(200).data
    (await visit.ask("GET", "/users/profile", by=replace(session, token=pair["access_token"]))).must_be(200)
    assert pair["refresh_token"] != session.refresh_token, "the refresh token did not rotate"
    (await visit.ask("POST", "/auth/refresh", body)).must_be(401)


async def a_new_password_ends_other_sessions(visit: Visit) -> None:
    """After POST /users/change-password the tokens of the user's other sessions are refused."""
    person, other = await visit.expendable()
    body = {"current_password": person.password, "new_password": _NEW_PASSWORD}
    (await visit.ask("POST", "/users/change-password", body, by=person)).must_be(200)
    after = await visit.ask("GET", "/users/profile", by=other)
    back = {"current_password": _NEW_PASSWORD, "new_password": person.password}
    (await visit.ask("POST", "/users/change-password", back, by=person)).must_be(200)
    assert after.status == 401, f"another session's token is still good after it: status {after.status}"


async def a_logout_ends_the_access_token(visit: Visit) -> None:
    """After POST /auth/logout the access token is answered 401 TOKEN_REVOKED."""
    session = (await visit.expendable())[0]
    headers = {"X-Session-ID": session.session_id} if session.session_id else {}
    (await visit.ask("POST", "/auth/logout", by=session, headers=headers)).must_be(200)
    after = await visit.ask("GET", "/users/profile", by=session)
    assert after.status == 401, f"the access token is still good after the logout: status {after.status}"
    after.must_be(401, "TOKEN_REVOKED")


def _unsigned(token: str) -> str:
    """The token's claims with the algorithm "none", which RFC 8725 warns of."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode().rstrip("=")
    return f"{header}.{token.split('.')[1] if token.count('.') == 2 else 'e30'}."


STATEMENTS = (
    a_login_hands_out_tokens_that_protected_routes_accept,
    protected_routes_want_a_token,
    tokens_of_others_make_are_refused,
    refresh_tokens_rotate,
    a_new_password_ends_other_sessions,
    a_logout_ends_the_access_token,
)
