"""What a test may choose of a load of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from pytest_roo_load.core.units import Dimension, parse_quantity
from pytest_roo_load.errors import UsageError
from pytest_roo_load.workloads.choices import in_range

__all__ = ["Choices", "FilesOptions"]


class FilesOptions(TypedDict, total=False):
    """The arguments of `file_sync.run`; see `Choices`."""

    size: str | int
    devices: int
    users: int
    files: int
    at_once: int
    cut: bool
    max_duration: str | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Which files, and between how many devices.

    Attributes:
        size: Of each file: bytes, or text such as "150 MB".
        devices: Of each user: one uploads, the others download at the same time.
        users: Users at the same time.
        files: Files of all users together.
        at_once: Chunks of one upload that are on their way at the same time.
        cut: Whether connections are cut in the middle of uploads and of one download, which are resumed then.
        max_duration: The longest that all of it may take.
    """

    size: str | int = "150 MB"
    devices: int = 5
    users: int = 1
    files: int = 1
    at_once: int = 4
    cut: bool = True
    max_duration: str | float = "10 min"

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        in_range("size", self.size_bytes, 1, 16 * 1024**3)
        in_range("devices", self.devices, 2, 1000)
        in_range("users", self.users, 1, 10_000)
        in_range("files", self.files, 1, 1_000_000)
        in_range("at_once", self.at_once, 1, 100)

    @property
    def size_bytes(self) -> int:
        """The size in bytes."""
        if isinstance(self.size, int):
            return self.size
        try:
            return round(parse_quantity(self.size, Dimension.SIZE))
        except UsageError as error:
            raise error.at("argument size") from None
