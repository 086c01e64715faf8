"""The system under test: what the user named, or what the keeper starts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_roo_load.core.passwords import without_password
from pytest_roo_load.core.target import EMBEDDED, OWN
from pytest_roo_load.errors import ServiceError, UsageError
from pytest_roo_load.session.config import Config, stay_here
from pytest_roo_load.session.options import OPTIONS

if TYPE_CHECKING:
    from pytest_roo_load.core.accounts import Account
    from pytest_roo_load.keeper.client import Keeper
    from pytest_roo_load.session.links import OwnLinks

__all__ = ["LINKED", "NAMED", "STANDBY", "Service", "Stack", "check_named", "check_own", "pids_behind"]

LINKED = "ccs-linked"
STANDBY = "postgres-standby"
NAMED = ("target", "target_ws", "postgres", "redis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service of the system under test.

    Attributes:
        name: ccs, or target for a server of the user's own; postgres or redis.
        url: With its password, if it has one: not for showing.
        pids: Roots of its process tree; empty where they cannot be known.
        version: As the service says; empty when it was not asked.
        embedded: Whether the keeper started it.
        ready_s: Seconds until it was ready; None when it ran already.
        websocket_url: Where its WebSockets are; None when at `url`.
        accounts: What `--roo-accounts` has of it.
    """

    name: str
    url: str = field(repr=False)
    pids: tuple[int, ...]
    version: str
    embedded: bool
    ready_s: float | None = None
    from_template: bool | None = None
    websocket_url: str | None = field(default=None, repr=False)
    accounts: tuple[Account, ...] = field(default=(), repr=False)

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return without_password(self.url)


class Stack:
    """Finds or starts services when they are first asked for.

    Args:
        config: What the user named.
        keeper: Starts the rest.
        links: Of the same run.
    """

    def __init__(self, config: Config, keeper: Keeper, links: OwnLinks) -> None:
        self._config = config
        self._keeper = keeper
        self._links = links
        self._known: dict[str, Service] = {}
        self._own: Service | None = None
        self._failure: ServiceError | None = None

    def __repr__(self) -> str:
        return f"<Stack of {', '.join(self._known) or 'nothing yet'}>"

    def service(self, name: str) -> Service:
        """The service of this name, ready. One that failed once is not tried again.

        Raises:
            UsageError: The one that the user named cannot be reached.
            ServiceError: It could not be started.
        """
        if self._failure is not None:
            raise self._failure
        try:
            if name not in self._known:
                self._known[name] = self._named(name) or self._started(name)
        except ServiceError as error:
            self._failure = error
            raise
        return self._known[name]

    def target(self) -> Service:
        """The system under test; an embedded one brings its PostgreSQL and Redis."""
        if self._own is not None:
            return self._own
        if self._config.target is None:
            self._refuse_alone("target_ws", "accounts")
        target = self.service("ccs")
        if self._config.target is None:
            self.service("postgres")
            self.service("redis")
        return target

    def _refuse_alone(self, *names: str) -> None:
        """Raise UsageError when an option tells of a deployment and none was named."""
        for name in names:
            if name in self._config.places:
                raise UsageError(
                    "tells of a deployment, but the target is our own server",
                    value=self._config.places[name],
                    allowed="together with a target",
                    place=self._config.places[name],
                    remedy="add --roo-target URL",
                )

    def linked(self) -> Service:
        """An embedded target whose connections go by way of the proxy, from its users and to its services.

        Raises:
            UsageError: The target is not ours to connect.
            ServiceError: It could not be started.
        """
        if self._own is not None or self._config.target is not None:
            raise UsageError(
                "the connections of this target do not go by way of the proxy",
                value=self.target().shown,
                allowed="faults of connections on the embedded target",
                place="argument faults",
                remedy="let users or the target go by way of a link of your own (fixture links), or break processes",
            )
        self.target()
        self._links.proxy()
        return self.service(LINKED)

    def adopt(self, given: object) -> None:
        """Make what a fixture `target` gives the system under test: a `Service` of ours, or the URL of a user's own.

        Raises:
            UsageError: It is not the URL of a server that answers and may be loaded.
        """
        self._own = None
        if not isinstance(given, Service):
            url = check_own(self._config, given)
            self._own = self._deployment(url)

    def look_again(self) -> None:
        """Services that were started again have other processes now."""
        for name, info in self._keeper.services().items():
            if name in self._known:
                self._known[name] = replace(self._known[name], pids=info.pids)

    def known(self) -> dict[str, Service]:
        """The services asked for so far, by their names in results; only the target that is in use."""
        known = {one.name: one for one in self._known.values()}
        if self._own is not None:
            known.pop(EMBEDDED, None)
            known[self._own.name] = self._own
        return known

    def _named(self, name: str) -> Service | None:
        option = "target" if name == "ccs" else name
        url: str | None = getattr(self._config, option, None)
        if url is None:
            return None
        check_named(self._config, option)
        if name in ("ccs", LINKED):
            check_named(self._config, "target_ws")
            return self._deployment(url)
        return Service(name=name, url=url, pids=pids_behind(url), version="", embedded=False)

    def _deployment(self, url: str) -> Service:
        """The user's own server, with what else the user has said of it."""
        return Service(
            name=OWN,
            url=url,
            pids=pids_behind(self._links.behind(url)),
            version="",
            embedded=False,
            websocket_url=self._config.target_ws,
            accounts=self._config.accounts,
        )

    def _refuse_foreign_standby(self) -> None:
        if self._config.postgres is not None:
            raise UsageError(
                "only the embedded PostgreSQL gets a standby",
                value=self._config.places["postgres"],
                allowed="no PostgreSQL of your own",
                place="fixture postgres_standby",
            )

    def _started(self, name: str) -> Service:
        if name == STANDBY:
            self._refuse_foreign_standby()
        options: dict[str, str | None] = {}
        if name in ("ccs", LINKED):
            check_named(self._config, "postgres")
            check_named(self._config, "redis")
            options = {"database": self._config.postgres, "redis": self._config.redis}
            options["answers"] = "yes" if self._config.asks_target else None
        if name == "ccs" and self._config.instances is not None:
            options["instances"] = str(self._config.instances)
        info = self._keeper.ensure(name, **options)
        return Service(
            name=name,
            url=info.url,
            pids=info.pids,
            version=info.version,
            embedded=True,
            ready_s=info.ready_s,
            from_template=info.from_template,
        )


def check_named(config: Config, option: str) -> None:
    """Use the service that an option names once; does nothing for one that is not set.

    Raises:
        UsageError: It cannot be used; names the place and what to do.
    """
    url: str | None = getattr(config, option)
    if url is not None:
        _use_once(url, option, config.places[option])


def check_own(config: Config, url: object) -> str:
    """Use the server that the user's own fixture `target` gives once; its URL.

    Raises:
        UsageError: It is not a URL, it leads elsewhere without permission, or nobody answers.
    """
    place = "fixture target"
    if not isinstance(url, str):
        raise UsageError("not a URL", value=url, allowed="text such as http://127.0.0.1:8080", place=place)
    try:
        next(option for option in OPTIONS if option.name == "target").parse(url)
    except UsageError as error:
        raise error.at(place) from None
    stay_here(url, config.allow_remote, place)
    _use_once(url, "target", place)
    return url


def _use_once(url: str, option: str, place: str) -> None:
    from pytest_roo_load.services.checks import CHECKS  # noqa: PLC0415 - loaded when used

    try:
        CHECKS[option](url)
    except ServiceError as error:
        raise UsageError(
            str(error),
            value=without_password(url),
            allowed="the URL of a running service that lets us in",
            place=place,
            remedy="start it, correct the URL, or leave it out for an embedded one",
        ) from error


def pids_behind(url: str) -> tuple[int, ...]:
    """The processes of this machine that listen on the URL's port; none for another machine or without permission."""
    from pytest_roo_load.monitor.listeners import listeners  # noqa: PLC0415 - loaded when used

    parts = urlsplit(url)
    return listeners(parts.hostname or "", parts.port or 0)
