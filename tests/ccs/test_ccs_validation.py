from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_roo_load.ccs.errors import ApiError
from pytest_roo_load.ccs.json_body import MAX_DEPTH, parse
from pytest_roo_load.ccs.validation import Form, is_uuid, pattern_of

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def codes(form: Form) -> set[tuple[str, str]]:
    with pytest.raises(ApiError) as caught:
        form.check()
    return {(problem.field, problem.code) for problem in caught.value.details}


def test_every_problem_is_collected() -> None:
    form = Form({"email": "x", "kind": "z", "id": 5, "when": "soon", "limit": "1000"})
    form.email("email")
    form.text("name", longest=5)
    form.choice("kind", ("a", "b"))
    form.uuid("id")
    form.moment_or_none("when")
    form.page()
    assert codes(form) == {
        ("email", "INVALID_FORMAT"),
        ("name", "REQUIRED"),
        ("kind", "INVALID_VALUE"),
        ("id", "INVALID_FORMAT"),
        ("when", "INVALID_FORMAT"),
        ("limit", "OUT_OF_RANGE"),
    }


def test_good_fields_are_taken() -> None:
    form = Form({"email": "A.B@Example.ORG", "id": "A" * 8 + "-1111-2222-3333-" + "B" * 12, "limit": "7", "n": None})
    assert form.email("email") == "a.b@example.org"
    assert form.uuid("id").startswith("aaaaaaaa-")
    assert (form.page().limit, form.page().offset) == (7, 0)
    assert form.text_or_none("n", longest=3) is None
    form.check()


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("Short1!", "TOO_SHORT"),
        ("x" * 129, "TOO_LONG"),
        ("lowercase1!", "TOO_WEAK"),
        ("UPPERCASE1!", "TOO_WEAK"),
        ("NoDigits!!", "TOO_WEAK"),
        ("NoSpecial11", "TOO_WEAK"),
        ("NUL\0inside1!", "INVALID_CHARACTER"),
    ],
)
def test_weak_passwords_are_refused(password: str, code: str) -> None:
    form = Form({"password": password})
    form.new_password("password")
    assert codes(form) == {("password", code)}


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05Z", "2026-01-02T05:04:05+02:00", "2026-01-02T05:04:05 02:00"])
def test_times_come_as_utc(text: str) -> None:
    assert Form({"t": text}).moment_or_none("t") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@given(value=ANYTHING)
def test_no_value_of_a_field_makes_a_form_fail_otherwise_than_by_a_problem(value: Any) -> None:
    form = Form({"field": value})
    taken = [
        form.text("field", longest=10),
        form.email("field"),
        form.new_password("field"),
        form.choice("field", ("a",)),
        form.uuid("field"),
    ]
    assert all(isinstance(text, str) for text in taken)
    form.mapping_or_none("field")
    form.moment_or_none("field")
    assert isinstance(form.integer("field", low=0, high=9, default=0), int)
    assert codes(form)  # no value is all of these


@given(body=st.binary() | st.integers().map(lambda number: str(number).encode()))
def test_any_body_is_a_value_or_a_400(body: bytes) -> None:
    try:
        json.loads(body.decode())
    except ValueError:
        with pytest.raises(ApiError) as caught:
            parse(body)
        assert caught.value.status == 400
    else:
        assert parse(body) == json.loads(body)


def test_depth_is_limited() -> None:
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(ApiError, match="VALIDATION_ERROR"):
        parse(b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2))


@pytest.mark.parametrize("body", [rb'{"a": "\u0000"}', rb'["\ud834"]', rb'{"\udd1e": 1}'])
def test_characters_that_cannot_be_stored_are_refused(body: bytes) -> None:
    with pytest.raises(ApiError, match="VALIDATION_ERROR"):
        parse(body)


def test_escapes_that_can_be_stored_are_taken() -> None:
    assert parse(rb'["\ud834\udd1e", "\\u0000"]') == ["𝄞", "\\u0000"]


def test_a_uuid_is_a_whole_string() -> None:
    good = "00000000-0000-0000-0000-000000000000"
    assert is_uuid(good)
    assert not any(is_uuid(bad) for bad in (good + "\n", good[:-1], good.replace("-", ""), "{" + good + "}", 0, None))


def test_a_search_is_literal() -> None:
    assert pattern_of("50%_\\") == "%50\\%\\_\\\\%"
    assert pattern_of("") is None
