"""All links of a process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_roo_load.chaos.datagrams import DatagramLink, Weather
from pytest_roo_load.chaos.link import Link, active_of
from pytest_roo_load.errors import UsageError

__all__ = ["Proxy"]

HIGHEST = 65_535


class Proxy:
    """Links by name, and what may be asked of them.

    Args:
        seed: Of everything that is random.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.links: dict[str, Link] = {}
        self.datagram_links: dict[str, DatagramLink] = {}

    def __repr__(self) -> str:
        return f"<Proxy of {', '.join((*self.links, *self.datagram_links)) or 'no links'}>"

    def link(self, name: str) -> Link:
        """The link of this name.

        Raises:
            UsageError: There is none.
        """
        if name not in self.links:
            raise UsageError("no such link", value=name, allowed=", ".join(self.links) or "none yet")
        return self.links[name]

    def open(self, data: Mapping[str, Any]) -> Link:
        """Make a link of `name` and `server` ("host:port"), on `port` or any.

        Raises:
            UsageError: The name or the port is taken, or the server is no address.
        """
        name = self._free_name(data)
        link = Link(name, address(data.get("server")), self._seed)
        link.up(port_of(data.get("port", 0)))
        self.links[name] = link
        return link

    async def open_datagrams(self, data: Mapping[str, Any]) -> DatagramLink:
        """The same for datagrams.

        Raises:
            UsageError: The name or the port is taken, or the server is no address.
        """
        name = self._free_name(data)
        link = DatagramLink(name, address(data.get("server")), self._seed)
        await link.up(port_of(data.get("port", 0)))
        self.datagram_links[name] = link
        return link

    def close(self, name: str) -> None:
        """Take a link down for good.

        Raises:
            UsageError: There is none.
        """
        if name in self.datagram_links:
            self.datagram_links.pop(name).down()
        else:
            self.link(name).down()
            del self.links[name]

    def poison(self, name: str, data: Mapping[str, Any]) -> Link | DatagramLink:
        """Put a toxic on a link.

        Args:
            name: The link's.
            data: `kind`, and if wanted `direction` ("upstream", "downstream", "both"), `settings`, `id`, and, for
                connections, `probability`.

        Raises:
            UsageError: There is no such link, or something in it cannot be used.
        """
        if name in self.datagram_links:
            self.datagram_links[name].add(data)
            return self.datagram_links[name]
        link = self.link(name)
        for active in active_of(data):
            link.add(active)
        return link

    def heal(self, name: str, toxic_id: str) -> Link | DatagramLink:
        """Take a toxic, or both directions of it, from a link.

        Raises:
            UsageError: There is no such link or toxic.
        """
        if name in self.datagram_links:
            self.datagram_links[name].remove(toxic_id)
            return self.datagram_links[name]
        link = self.link(name)
        both = [one for one in link.toxics if one.rpartition(" ")[0] == toxic_id]
        for one in both or [toxic_id]:
            link.remove(one)
        return link

    def weather(self, name: str, data: Mapping[str, Any]) -> DatagramLink:
        """Set how a link of datagrams behaves.

        Raises:
            UsageError: There is no such link, or something in it cannot be used.
        """
        if name not in self.datagram_links:
            raise UsageError("no such link of datagrams", value=name, allowed=", ".join(self.datagram_links) or "none")
        self.datagram_links[name].weather = Weather.of(data)
        return self.datagram_links[name]

    def reset(self) -> None:
        """Every link is up and has no toxic."""
        for link in self.links.values():
            for toxic_id in list(link.toxics):
                link.remove(toxic_id)
            link.up()
        for datagrams in self.datagram_links.values():
            datagrams.heal()

    def shut(self) -> None:
        """Take all links down."""
        for link in self.links.values():
            link.down()
        for datagrams in self.datagram_links.values():
            datagrams.down()

    def _free_name(self, data: Mapping[str, Any]) -> str:
        name = data.get("name")
        if not isinstance(name, str) or not name or "/" in name:
            raise UsageError("not a name for a link", value=name, allowed="some text without a slash")
        if name in self.links or name in self.datagram_links:
            raise UsageError("there is such a link", value=name, allowed="another name")
        return name


def address(text: object) -> tuple[str, int]:
    """Host and port of "host:port".

    Raises:
        UsageError: It is no address.
    """
    host, _, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) <= HIGHEST:
        raise UsageError("not an address", value=text, allowed="HOST:PORT, such as 127.0.0.1:6379")
    return host, int(port)


def port_of(value: object) -> int:
    """A port, 0 for any.

    Raises:
        UsageError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= HIGHEST:
        raise UsageError("not a port", value=value, allowed=f"0 to {HIGHEST}")
    return value
