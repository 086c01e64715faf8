"""What can be taken away from a service or from the machine: cores, memory, descriptors, disk, connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_roo_load.core.faults.processes import Verbs
from pytest_roo_load.core.profiles.plan import positive, whole
from pytest_roo_load.core.units import Dimension, format_quantity, parse_quantity
from pytest_roo_load.errors import UsageError

if TYPE_CHECKING:
    from pytest_roo_load.core.faults.schedule import Schedule

__all__ = ["MACHINE", "PressureVerbs"]

MACHINE = "machine"
Length = str | float | None
LEAST_MEMORY = 1e6
_MOST_PACE = 4e9


class PressureVerbs(Verbs):
    """Where no duration is given it goes on until it is healed. Everything is bounded and ends with the run."""

    def limit_files(self, target: str, *, spare: int = 0, duration: Length = None) -> Schedule:
        """It may open `spare` more descriptors than it has open: sockets, files, pipes."""
        return self._break("limit_files", target, lasts=_length(duration), spare=whole(spare, "spare", least=0))

    def limit_memory(self, target: str, *, spare: str, duration: Length = None) -> Schedule:
        """It may have `spare` more address space than it has, such as "10 MB"."""
        return self._break("limit_memory", target, lasts=_length(duration), spare=_size(spare, "spare"))

    def limit_cpu(self, target: str, *, share: str, duration: Length = None) -> Schedule:
        """It runs for a share of the time only, such as "20 %": stopped and continued ten times a second."""
        return self._break("limit_cpu", target, lasts=_length(duration), share=_share(share))

    def quota_cpu(self, target: str, *, share: str, duration: Length = None) -> Schedule:
        """All its processes together get a share of one core, such as "20 %", from the kernel: a cgroup with a quota.

        Not every system lets us, and then the verdict is invalid and says why; `limit_cpu` works everywhere.
        """
        return self._break("quota_cpu", target, lasts=_length(duration), share=_share(share))

    def quota_memory(self, target: str, *, spare: str, duration: Length = None) -> Schedule:
        """All its processes together may take `spare` more memory, such as "50 MB": a cgroup with a limit, no swap.

        What they had before stays charged to the group in which they were. What they allocate from now on counts, and
        what they read of files, which the kernel takes back first. Beyond that it kills one of them, as in a container.
        A service whose main process was killed is down until the fault is healed, and is then started again without
        the limit; what something else starts again meanwhile has no limit either.

        Not every system lets us, and then the verdict is invalid and says why; `limit_memory` works everywhere.

        Raises:
            UsageError: `spare` is less than 1 MB: the kernel takes up to 256 KB for each core in advance.
        """
        size = _size(spare, "spare", least=LEAST_MEMORY)
        return self._break("quota_memory", target, lasts=_length(duration), spare=size)

    def fill_disk(self, target: str, *, duration: Length = None) -> Schedule:
        """None of its files may grow beyond the largest that it has open, as if its disk were full.

        A Redis that appends to one file notices at once; a PostgreSQL when its largest table is the one that grows.
        """
        return self._break("fill_disk", target, lasts=_length(duration))

    def take_connections(self, target: str, *, count: int, duration: Length = None) -> Schedule:
        """So many connections to it are opened and held, without a word."""
        return self._break(
            "take_connections", target, lasts=_length(duration), count=whole(count, "count", most=20_000)
        )

    def drop_packets(self, target: str, *, rate: str, duration: Length = None) -> Schedule:
        """A share of the packets that come to its sockets is lost, such as "5 %", by the kernel's own filter.

        No proxy is needed; not every kernel lets us, and then the verdict is invalid and says why.
        """
        return self._break("drop_packets", target, lasts=_length(duration), rate=_share(rate))

    def pace(self, target: str, *, rate: str, duration: Length = None) -> Schedule:
        """Each of its sockets sends no more than `rate` each second, such as "1 MB", by the kernel's own pacing."""
        size = parse_quantity(rate, Dimension.SIZE)
        if not 1 <= size < _MOST_PACE:
            raise UsageError("rate is out of range", value=rate, allowed="1 B to 4 GB")
        return self._break("pace", target, lasts=_length(duration), rate=size)

    def break_connections(self, target: str) -> Schedule:
        """Every connection that it has is reset, at once."""
        return self._break("break_connections", target)

    def hog_cpu(self, *, processes: int = 1, share: str = "100 %", duration: Length = None) -> Schedule:
        """So many processes compute for a share of the time, on this machine."""
        number = whole(processes, "processes", most=256)
        return self._break("hog_cpu", MACHINE, lasts=_length(duration), processes=number, share=_share(share))

    def hog_memory(self, *, size: str, duration: Length = None) -> Schedule:
        """A process of this machine has so much memory resident; at most four fifths of what is available."""
        return self._break("hog_memory", MACHINE, lasts=_length(duration), size=_size(size, "size"))

    def hog_disk(self, *, processes: int = 1, duration: Length = None) -> Schedule:
        """So many processes write 64 MB to the disk of the run's folder and wait for it, again and again."""
        return self._break(
            "hog_disk", MACHINE, lasts=_length(duration), processes=whole(processes, "processes", most=64)
        )


def _length(duration: Length) -> float | None:
    return None if duration is None else positive(duration, "duration")


def _size(text: str, name: str, *, least: float = 0) -> float:
    size = parse_quantity(text, Dimension.SIZE)
    if size < least:
        allowed = f"{format_quantity(least, Dimension.SIZE)} or more"
        raise UsageError(f"{name} is out of range", value=text, allowed=allowed)
    return size


def _share(text: str) -> float:
    share = parse_quantity(text, Dimension.RATIO)
    if not 0 < share <= 1:
        raise UsageError("share is out of range", value=text, allowed="more than 0 %, up to 100 %")
    return share
