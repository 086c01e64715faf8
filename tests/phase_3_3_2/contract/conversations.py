"""Conversations, and who reaches them."""

from __future__ import annotations

import uuid

from .visit import NotChecked, Visit


async def a_conversation_is_created_read_and_changed(visit: Visit) -> None:
    """POST answers 201, GET and PUT of the conversation 200; one that is not there is CONVERSATION_NOT_FOUND."""
    person = await visit.person()
    path = await visit.conversation(person, title="First")
    (await visit.ask("PUT", path, {"title": "Second"}, by=person)).must_be(200)
    read = (await visit.ask("GET", path, by=person)).must_be(200).data["conversation"]
    assert read["title"] == "Second", read
    absent = await visit.ask("GET", f"/conversations/{uuid.uuid4()}", by=person)
    absent.must_be(404, "CONVERSATION_NOT_FOUND")


async def conversations_are_listed_in_pages(visit: Visit) -> None:
    """GET /conversations lists the user's conversations with pagination {total_count, has_more, limit, offset}."""
    person = await visit.person()
    for _ in range(2):
        path = await visit.conversation(person)
    data = (await visit.ask("GET", "/conversations?limit=1", by=person)).must_be(200).data
    assert [f"/conversations/{row['id']}" for row in data["conversations"]] == [path], data
    page = data["pagination"]
    assert page["total_count"] >= 2, page
    assert (page["has_more"], page["limit"], page["offset"]) == (True, 1, 0), page


async def an_archived_conversation_takes_no_messages_until_it_is_restored(visit: Visit) -> None:
    """DELETE archives: reading goes on, writing is refused; POST .../restore undoes it."""
    person = await visit.person()
    path = await visit.conversation(person)
    (await visit.ask("DELETE", path, by=person)).must_be(200)
    refused = await visit.ask("POST", f"{path}/messages", {"content": "hello?"}, by=person)
    assert 400 <= refused.status < 500, f"status {refused.status}"
    (await visit.ask("POST", f"{path}/restore", by=person)).must_be(200)
    await visit.message(path, "hello", person)


async def only_participants_read_the_messages(visit: Visit) -> None:
    """Others get 403 PERMISSION_DENIED for a conversation's messages, and nothing of what they say."""
    owner, stranger = await visit.person(), await visit.person(1)
    path = await visit.conversation(owner)
    await visit.message(path, "for our eyes only", owner)
    answer = await visit.ask("GET", f"{path}/messages", by=stranger)
    assert "for our eyes only" not in answer.text, f"a stranger reads the messages: status {answer.status}"
    answer.must_be(403, "PERMISSION_DENIED")


async def only_participants_write_and_change(visit: Visit) -> None:
    """Others can neither post, edit, delete, rename nor archive: 403 PERMISSION_DENIED."""
    owner, stranger = await visit.person(), await visit.person(1)
    path = await visit.conversation(owner)
    message = f"/messages/{(await visit.message(path, 'mine', owner))['id']}"
    for method, where, body in (
        ("POST", f"{path}/messages", {"content": "x"}),
        ("PUT", message, {"content": "x"}),
        ("DELETE", message, None),
        ("PUT", path, {"title": "x"}),
        ("DELETE", path, None),
    ):
        answer = await visit.ask(method, where, body, by=stranger)
        assert answer.status == 403, f"a stranger may {method} {where}: status {answer.status}"


async def a_viewer_reads_and_does_not_write(visit: Visit) -> None:
    """A participant with the role viewer reads the messages; posting is 403 PERMISSION_DENIED."""
    owner, viewer = await visit.person(), await visit.person(1)
    body = {"title": "Shared", "participants": [{"user_id": viewer.user_id, "role": "viewer"}]}
    created = (await visit.ask("POST", "/conversations", body, by=owner)).must_be(201).data
    path = f"/conversations/{(created.get('conversation') or created)['id']}"
    read = await visit.ask("GET", f"{path}/messages", by=viewer)
    if read.status == 403:
        raise NotChecked("not offered: POST /conversations takes no participants")
    read.must_be(200)
    (await visit.ask("POST", f"{path}/messages", {"content": "x"}, by=viewer)).must_be(403, "PERMISSION_DENIED")


STATEMENTS = (
    a_conversation_is_created_read_and_changed,
    conversations_are_listed_in_pages,
    an_archived_conversation_takes_no_messages_until_it_is_restored,
    only_participants_read_the_messages,
    only_participants_write_and_change,
    a_viewer_reads_and_does_not_write,
)
