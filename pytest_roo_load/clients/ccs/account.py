"""The account of one virtual user."""

from __future__ import annotations

from pytest_roo_load.clients.ccs.calling import call
from pytest_roo_load.clients.ccs.session import Session, Ticket
from pytest_roo_load.core.ports import User

__all__ = ["CCS"]

_PASSWORD = "Virtual-User-1!"  # noqa: S105 - of accounts that exist for one run


class CCS:
    """The server as one virtual user sees it before it is logged in.

    A user that has an account of `--roo-accounts` uses that, and makes none.

    Attributes:
        email: The account's.
    """

    def __init__(self, user: User) -> None:
        account = user.account
        self._user = user
        self._password = account.password if account else _PASSWORD
        self._at_hand = [Ticket.of(account, device) for device in account.devices] if account else []
        self._exists = account is not None
        self.email = account.email if account else f"user-{user.id}@{user.run}.test"

    def __repr__(self) -> str:
        return f"<CCS for {self.email}>"

    async def register(self) -> None:
        """Make the user's account; one that exists already is fine."""
        if self._exists:
            return
        body = {"email": self.email, "password": self._password, "display_name": f"User {self._user.id}"}
        await call(self._user, "POST", "/auth/register", body, expect=(201, 409))
        self._exists = True

    async def login(self, device_type: str = "desktop") -> Session:
        """A session on a device of its own.

        Each call takes the account's next device and token from the file of accounts, without a request. When there is
        none left, or no file, it registers unless registered, and logs in.

        Args:
            device_type: desktop, mobile, tablet or web.
        """
        if self._at_hand:
            return Session(self._user, device_type, self._at_hand.pop(0))
        await self.register()
        return await self.login_again(device_type)

    async def login_again(self, device_type: str = "desktop") -> Session:
        """Log in to an account that exists, by e-mail and password."""
        body = {
            "email": self.email,
            "password": self._password,
            "device_name": f"{device_type} of user {self._user.id}",
            "device_type": device_type,
        }
        data = await call(self._user, "POST", "/auth/login", body)
        ticket = Ticket(
            user_id=data["user"]["id"],
            device_id=data["device"]["id"],
            session_id=data["session"]["id"],
            access=data["access_token"],
            refresh=data["refresh_token"],
        )
        return Session(self._user, device_type, ticket)
