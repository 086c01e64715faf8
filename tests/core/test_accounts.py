"""The file of accounts: what is read from it, and how everything that is wrong is told by line and field."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.core.accounts import Access, Account, parse_accounts
from pytest_roo_load.errors import UsageError

NOW = 1_000_000.0


def uuid(number: int) -> str:
    return str(UUID(int=number))


def entry(number: int, device: int | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "user_id": uuid(number),
        "email": f"user-{number}@example.org",
        "password": f"secret-{number}",
        "device_id": uuid(1000 + (number if device is None else device)),
        "token": f"token-{number}",
    } | changes


def token_until(end: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": end}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2ln"


def complaint(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_accounts(text, "accounts.json", NOW)
    return str(caught.value)


def test_entries_of_one_user_are_devices_of_one_account() -> None:
    entries = [entry(1, device=1), entry(2), entry(1, device=3, token="token-3")]
    first, second = parse_accounts(json.dumps(entries), "accounts.json", NOW)
    assert first == Account(
        user_id=uuid(1),
        email="user-1@example.org",
        password="secret-1",
        devices=(Access(device_id=uuid(1001), token="token-1"), Access(device_id=uuid(1003), token="token-3")),
    )
    assert second.user_id == uuid(2)
    assert first.secrets == ("secret-1", "token-1", "token-3")


def test_no_secret_is_shown() -> None:
    [account] = parse_accounts(json.dumps([entry(1)]), "accounts.json", NOW)
    assert "secret" not in repr(account)
    assert "token-1" not in repr(account)


@pytest.mark.parametrize("indent", [None, 0, 2])
@given(count=st.integers(1, 30))
def test_any_layout_is_read(indent: int | None, count: int) -> None:
    entries = [entry(number) for number in range(count)]
    read = parse_accounts(json.dumps(entries, indent=indent), "accounts.json", NOW)
    assert [account.email for account in read] == [one["email"] for one in entries]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"user_id": "7"}, "accounts.json:3: not an account: 'user_id is no UUID: 7'"),
        ({"email": ""}, "accounts.json:4: not an account: 'email is empty'"),
        ({"password": 12345}, "accounts.json:5: not an account: 'password is int'"),
        ({"device_id": None}, "accounts.json:6: not an account: 'device_id is NoneType'"),
        ({"token": "secret\n"}, "accounts.json:7: not an account: 'token has characters that no header carries'"),
        ({"token": token_until(NOW - 60)}, "accounts.json:7: not an account: 'token ended 60 s ago'"),
    ],
)
def test_a_field_is_named_by_its_line(changes: dict[str, Any], problem: str) -> None:
    text = complaint(json.dumps([entry(1) | changes], indent=1))
    assert text.startswith(problem)
    assert "secret" not in text


def test_all_problems_are_told_at_once() -> None:
    entries: list[Any] = [entry(1), "nonsense", entry(2, email=""), {"token": "secret-token"}]
    text = complaint(json.dumps(entries).replace(", {", ",\n{").replace(', "n', ',\n"n'))
    assert text.startswith("accounts.json:2: not an account: 'a str instead of an object'")
    assert "line 3: email is empty; line 4: user_id is missing; line 4: email is missing" in text
    assert "and 1 more" in text
    assert "secret-token" not in text


@pytest.mark.parametrize(
    ("later", "problem"),
    [
        (entry(1), f"device_id is there twice: {uuid(1001)}"),
        (entry(1, device=2, email="other@example.org"), "email differs from that of an earlier entry"),
        (entry(1, device=2, password="secret-other"), "password differs from that of an earlier entry"),
    ],
)
def test_entries_of_one_user_do_not_contradict_each_other(later: dict[str, Any], problem: str) -> None:
    assert problem in complaint(json.dumps([entry(1), later]))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[{]", "accounts.json:1:3: not JSON"),
        ("{}", "accounts.json:1: not a list: 'dict'"),
        ("[]", "accounts.json:1: no accounts"),
    ],
)
def test_a_file_that_is_no_list_of_accounts(text: str, problem: str) -> None:
    assert complaint(text).startswith(problem)


@pytest.mark.parametrize("token", [token_until(NOW + 1), "opaque", "a.b.c", "e30.e30.x", "..", "e30.WzFd.x"])
def test_a_token_that_has_not_ended_or_does_not_say_is_taken(token: str) -> None:
    [account] = parse_accounts(json.dumps([entry(1, token=token)]), "accounts.json", NOW)
    assert account.devices[0].token == token
