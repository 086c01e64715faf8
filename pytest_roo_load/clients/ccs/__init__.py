"""A client of the Communication & Control Server, for journeys.

::

    session = await CCS(user).login()
    conversation = await session.create_conversation()
    await conversation.post("hello")
    device = await session.connect()

Every request is an operation named by its route without `/api/v1`. An answer that the caller cannot go on with raises
`UnexpectedAnswer`, or `NotOffered` when the server has no such route; it has been counted as failed by then. A journey
that a server without some route should not perform says so with `needs`.
"""

from pytest_roo_load.clients.ccs.account import CCS
from pytest_roo_load.clients.ccs.commands import Command
from pytest_roo_load.clients.ccs.device import Device, Task
from pytest_roo_load.clients.ccs.files import Upload
from pytest_roo_load.clients.ccs.offers import needs
from pytest_roo_load.clients.ccs.session import Conversation, Session

__all__ = ["CCS", "Command", "Conversation", "Device", "Session", "Task", "Upload", "needs"]
