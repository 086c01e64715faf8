"""Messages: posted, read in pages, edited, deleted, found."""

from __future__ import annotations

import uuid

from .visit import Visit


async def messages_are_read_in_the_order_of_posting(visit: Visit) -> None:
    """GET .../messages gives each message once, in order, in pages of at most 100."""
    person = await visit.person()
    path = await visit.conversation(person)
    posted = [(await visit.message(path, f"number {number}", person))["id"] for number in range(5)]
    pages = [
        (await visit.ask("GET", f"{path}/messages?limit=2&offset={offset}", by=person)).must_be(200).data
        for offset in (0, 2, 4)
    ]
    assert [row["id"] for page in pages for row in page["messages"]] == posted, pages
    assert [page["pagination"]["has_more"] for page in pages] == [True, True, False], pages
    assert pages[0]["pagination"]["total_count"] == 5, pages[0]["pagination"]
    (await visit.ask("GET", f"{path}/messages?limit=101", by=person)).must_be(400, "VALIDATION_ERROR")


async def messages_are_edited_and_deleted_by_their_sender(visit: Visit) -> None:
    """PUT and DELETE /messages/:id change one's own message; what is deleted is MESSAGE_NOT_FOUND."""
    person = await visit.person()
    path = await visit.conversation(person)
    where = f"/messages/{(await visit.message(path, 'one', person))['id']}"
    (await visit.ask("PUT", where, {"content": "uno"}, by=person)).must_be(200)
    assert (await visit.ask("GET", where, by=person)).must_be(200).data["message"]["content"] == "uno"
    (await visit.ask("DELETE", where, by=person)).must_be(200)
    (await visit.ask("GET", where, by=person)).must_be(404, "MESSAGE_NOT_FOUND")


async def a_search_finds_ones_own_messages_only(visit: Visit) -> None:
    """GET /messages/search?q= finds what the user may read, and nothing of others."""
    person, stranger = await visit.person(), await visit.person(1)
    word = f"w{uuid.uuid4().hex}"
    message = await visit.message(await visit.conversation(person), f"the {word} of today", person)
    own = (await visit.ask("GET", f"/messages/search?q={word}", by=person)).must_be(200).data["messages"]
    assert [row["id"] for row in own] == [message["id"]], own
    others = (await visit.ask("GET", f"/messages/search?q={word}", by=stranger)).must_be(200).data["messages"]
    assert others == [], others


STATEMENTS = (
    messages_are_read_in_the_order_of_posting,
    messages_are_edited_and_deleted_by_their_sender,
    a_search_finds_ones_own_messages_only,
)
