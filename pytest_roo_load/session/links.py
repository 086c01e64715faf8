"""Links that tests open to servers of their own, by way of the run's chaos proxy."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_roo_load.core.faults.link_table import DATAGRAM_VERBS, LINK_VERBS, LINKS, LINKS_SERVICE, STREAM_VERBS
from pytest_roo_load.core.own_link import OwnLink, server_of
from pytest_roo_load.core.suggestion import did_you_mean
from pytest_roo_load.errors import FaultError, ServiceError, UsageError
from pytest_roo_load.session.config import Config, stay_here

if TYPE_CHECKING:
    from pytest_roo_load.core.faults.fault import Fault
    from pytest_roo_load.core.faults.schedule import Schedule
    from pytest_roo_load.keeper.client import Keeper

__all__ = ["OwnLinks"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_PLACE = "fixture links"


class OwnLinks:
    """The links that this process of the run has opened.

    Args:
        config: Says which machines may be reached.
        keeper: Has the proxy.
        worker: The xdist worker's id; tells the links of one worker from another's.
        seed: Of all that is left to chance on links, those of the embedded stack included.
    """

    def __init__(self, config: Config, keeper: Keeper, worker: str | None, seed: int) -> None:
        self._config = config
        self._keeper = keeper
        self._prefix = f"{worker}." if worker else ""
        self._seed = seed
        self._open: dict[str, OwnLink] = {}

    def __repr__(self) -> str:
        return f"<OwnLinks: {', '.join(self._open) or 'none'}>"

    @property
    def known(self) -> Mapping[str, str]:
        """Each link's name → what the proxy calls it."""
        return {name: f"{self._prefix}{name}" for name in self._open}

    def proxy(self) -> str:
        """The URL of the proxy's control; who first asks for the proxy has it started.

        Raises:
            ServiceError: It could not be started.
        """
        return self._keeper.ensure(LINKS_SERVICE, seed=str(self._seed)).url

    def open(self, name: str, server: str, *, datagrams: bool, port: int) -> OwnLink:
        """Make a link; see `fixtures.links.Links.open`.

        Raises:
            UsageError: The name is taken or none, or the server is no address or on another machine.
            ServiceError: The proxy could not be started, or the port is taken.
        """
        self._check_name(name)
        host, server_port = server_of(server)
        stay_here(f"tcp://{host}:{server_port}", self._config.allow_remote, f"{_PLACE}: {name}")
        wanted = {"name": f"{self._prefix}{name}", "server": f"{host}:{server_port}", "port": port}
        control = self.proxy()
        try:
            facts = _ask(control, "POST", "/links", {**wanted, "datagrams": datagrams})
        except FaultError as error:
            raise ServiceError(f"the link {name} could not be made: {error}") from error
        self._open[name] = OwnLink(name=name, server=server, port=facts["port"], datagrams=datagrams)
        return self._open[name]

    def close(self, name: str) -> None:
        """Take a link down for good; a proxy that was killed or started again on purpose has none left."""
        known, info = self.known[name], self._keeper.services().get(LINKS_SERVICE)
        del self._open[name]
        if info is not None and known in _ask(info.url, "GET", "/links"):
            _ask(info.url, "DELETE", f"/links/{known}")

    def behind(self, url: str) -> str:
        """Where a URL leads: that of a link to its server, any other to itself."""
        where = urlsplit(url)
        for link in self._open.values():
            if (where.hostname, where.port) == link.address and not link.datagrams:
                host, port = server_of(link.server)
                return f"tcp://{host}:{port}"
        return url

    def check(self, schedule: Schedule) -> None:
        """Nothing, when what is done to links can be done to them.

        Raises:
            UsageError: There is no such link, or a verb is not for links of its kind.
        """
        for fault in schedule.faults:
            if fault.verb in LINK_VERBS:
                self._check(fault)

    def _check(self, fault: Fault) -> None:
        names = [*self._open, *LINKS]
        if fault.target not in names:
            remedy = did_you_mean(fault.target, names) or f"open it first: links.open({fault.target!r}, 'HOST:PORT')"
            allowed = ", ".join(names)
            raise UsageError(
                "no such link", value=fault.target, allowed=allowed, place="argument faults", remedy=remedy
            )
        datagrams = fault.target in self._open and self._open[fault.target].datagrams
        if fault.verb not in (DATAGRAM_VERBS if datagrams else STREAM_VERBS):
            kind = "datagrams" if datagrams else "connections"
            allowed = ", ".join(DATAGRAM_VERBS if datagrams else STREAM_VERBS)
            raise UsageError(
                f"not to be done to the {kind} of link {fault.target}",
                value=fault.verb,
                allowed=allowed,
                place="argument faults",
            )
        if datagrams and "probability" in fault.settings:
            raise UsageError(
                f"link {fault.target} has no connections, of which some could have it",
                value=str(fault),
                allowed="faults of datagrams without a probability",
                place="argument faults",
            )

    def _check_name(self, name: object) -> None:
        place = "argument name"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            allowed = "letters, digits, - and _, such as payments"
            raise UsageError("not a name for a link", value=name, allowed=allowed, place=place)
        if name in LINKS:
            allowed = f"other names than {', '.join(LINKS)}"
            raise UsageError("the embedded stack has a link of this name", value=name, allowed=allowed, place=place)
        if name in self._open:
            allowed = f"other names than {', '.join(self._open)}"
            raise UsageError("there is such a link", value=name, allowed=allowed, place=place)


def _ask(control: str, method: str, path: str, data: object = None) -> dict[str, Any]:
    """What the control answers. On a thread of its own, for the test may run in an event loop."""
    from pytest_roo_load.services.control import ask  # noqa: PLC0415 - loaded when used

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(ask(control, method, path, data))).result()
