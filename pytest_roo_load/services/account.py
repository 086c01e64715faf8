"""The account under which services run: never root, because PostgreSQL refuses it and Redis would be a way to it."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

from pytest_roo_load.core.recipe import Account
from pytest_roo_load.errors import ServiceError

__all__ = ["SERVICE_ACCOUNT", "give_to", "reachable", "require_reach", "service_account"]

SERVICE_ACCOUNT = "nobody"


def service_account(name: str = SERVICE_ACCOUNT) -> Account | None:
    """The account for services when we are root; None, which means our own, when we are not.

    Raises:
        ServiceError: There is no such account.
    """
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(name)
    except KeyError as error:
        raise ServiceError(
            f"services cannot run as root and the account {name!r} does not exist: create it, or run as another user"
        ) from error
    return Account(name=name, uid=found.pw_uid, gid=found.pw_gid)


def give_to(account: Account | None, path: Path) -> None:
    """Make a file or folder the account's; nothing to do for None."""
    if account:
        os.chown(path, account.uid, account.gid)


def reachable(path: Path, account: Account | None) -> bool:
    """Whether the account may enter all folders above `path`, and enter or execute it, by the permission bits."""
    if account is None:
        return os.access(path, os.X_OK)
    real = path.resolve()
    return all(_may_enter(part.stat(), account) for part in (*real.parents, real))


def require_reach(path: Path, account: Account | None) -> None:
    """Refuse a folder that the account cannot get into.

    Raises:
        ServiceError: It cannot.
    """
    if not reachable(path, account):
        raise ServiceError(
            f"services run as {account.name if account else 'us'}, who cannot get into {path}: "
            f"set TMPDIR to a folder that everybody may pass through, such as /tmp"
        )


def _may_enter(found: os.stat_result, account: Account) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == account.gid else stat.S_IXOTH))
