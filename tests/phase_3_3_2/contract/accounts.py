"""Accounts: made, changed, their devices."""

from __future__ import annotations

from .visit import PASSWORD, Visit, new_email

_WEAK = ("Short1!", "no-upper-case-1!", "NO-LOWER-CASE-1!", "No-Digits!!", "NoSpecial123", "A1!" + "a" * 126)


async def a_registration_makes_a_user(visit: Visit) -> None:
    """POST /auth/register answers 201 with the user and without the password."""
    email = new_email()
    answer = (await visit.register(email=email)).must_be(201)
    assert answer.data["user"]["email"] == email, answer.text[:300]
    assert PASSWORD not in answer.text, "the password is in the answer"


async def an_email_is_registered_once(visit: Visit) -> None:
    """A second registration of an e-mail is answered 409 USER_EXISTS."""
    email = new_email()
    (await visit.register(email=email)).must_be(201)
    (await visit.register(email=email)).must_be(409, "USER_EXISTS")


async def weak_passwords_are_refused(visit: Visit) -> None:
    """Passwords have 8 to 128 characters with a lower and an upper case letter, a digit and one of @$!%*?&."""
    for password in _WEAK:
        answer = await visit.register(password=password)
        assert answer.status == 400, f"{password!r}: status {answer.status}"


async def a_wrong_password_is_told_like_an_unknown_user(visit: Visit) -> None:
    """Both are answered 401 INVALID_CREDENTIALS, so that nobody learns who has an account."""
    person = await visit.person()
    form = {"device_name": "contract", "device_type": "desktop"}
    wrong = await visit.ask("POST", "/auth/login", form | {"email": person.email, "password": "Wrong-1-password!"})
    unknown = await visit.ask("POST", "/auth/login", form | {"email": new_email(), "password": PASSWORD})
    wrong.must_be(401, "INVALID_CREDENTIALS")
    unknown.must_be(401, "INVALID_CREDENTIALS")


async def the_profile_is_ones_own_and_can_be_changed(visit: Visit) -> None:
    """GET and PUT /users/profile read and write the user of the token."""
    person = await visit.person()
    assert (await visit.ask("GET", "/users/profile", by=person)).must_be(200).data["user"]["id"] == person.user_id
    (await visit.ask("PUT", "/users/profile", {"display_name": "Changed"}, by=person)).must_be(200)
    changed = (await visit.ask("GET", "/users/profile", by=person)).must_be(200).data["user"]
    assert changed["display_name"] == "Changed", changed


async def devices_are_added_changed_and_removed(visit: Visit) -> None:
    """A user's devices are listed, made (201), changed and deleted; one that is not there is DEVICE_NOT_FOUND."""
    person = await visit.person()
    form = {"device_name": "slate", "device_type": "tablet"}
    made = (await visit.ask("POST", "/users/devices", form, by=person)).must_be(201).data["device"]
    path = f"/users/devices/{made['id']}"
    (await visit.ask("PUT", path, {"device_name": "board"}, by=person)).must_be(200)
    listed = (await visit.ask("GET", "/users/devices", by=person)).must_be(200).data["devices"]
    assert "board" in {device["device_name"] for device in listed}, listed
    (await visit.ask("DELETE", path, by=await visit.person(1))).must_be(404, "DEVICE_NOT_FOUND")
    (await visit.ask("DELETE", path, by=person)).must_be(200)
    (await visit.ask("PUT", path, {"device_name": "gone"}, by=person)).must_be(404, "DEVICE_NOT_FOUND")


async def batches_tell_the_outcome_of_each_user(visit: Visit) -> None:
    """POST /users/batch does what it can and says of each operation what became of it."""
    person, email = await visit.person(), new_email()
    create = {"op": "create", "email": email, "password": PASSWORD}
    answer = await visit.ask("POST", "/users/batch", {"operations": [create, create, {"op": "create"}]}, by=person)
    results = answer.must_be(200).data["results"]
    assert [result["success"] for result in results] == [True, False, False], results
    made = {"op": "deactivate", "user_id": results[0]["user_id"]}
    ended = (await visit.ask("POST", "/users/batch", {"operations": [made]}, by=person)).must_be(200)
    assert ended.data["results"][0]["success"] is True, ended.text[:300]
    login = {"email": email, "password": PASSWORD, "device_name": "contract", "device_type": "desktop"}
    (await visit.ask("POST", "/auth/login", login)).must_be(401)


STATEMENTS = (
    a_registration_makes_a_user,
    an_email_is_registered_once,
    weak_passwords_are_refused,
    a_wrong_password_is_told_like_an_unknown_user,
    the_profile_is_ones_own_and_can_be_changed,
    devices_are_added_changed_and_removed,
    batches_tell_the_outcome_of_each_user,
)
