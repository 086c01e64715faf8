"""Which keys are asked for: uniformly, or a few much more often than the rest."""

from __future__ import annotations

import binascii
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["DISTRIBUTIONS", "Draws", "slot_of", "zipf_shares"]

DISTRIBUTIONS = ("uniform", "zipf")
_SLOTS = 16384
_AT_ONCE = 4096


def slot_of(key: bytes) -> int:
    """The slot of a key in a cluster (Redis Cluster specification: CRC16/XMODEM, of the part in braces if any)."""
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return binascii.crc_hqx(key, 0) % _SLOTS


@lru_cache(maxsize=8)
def zipf_shares(keys: int, exponent: float) -> npt.NDArray[np.float64]:
    """Cumulated shares: key k (from 1) is asked for in proportion to 1 / k ** exponent."""
    weights = 1.0 / np.arange(1, keys + 1, dtype=np.float64) ** exponent
    shares: npt.NDArray[np.float64] = np.cumsum(weights)
    shares /= shares[-1]
    return shares


class Draws:
    """An endless row of key numbers from 0, drawn thousands at a time.

    Args:
        keys: How many keys there are.
        exponent: Of the Zipf distribution; None for the uniform one.
        seed: Of this row.
    """

    def __init__(self, keys: int, exponent: float | None, seed: int) -> None:
        self._keys = keys
        self._exponent = exponent
        self._generator = np.random.default_rng(seed)
        self._row: list[int] = []
        self._at = 0

    def __repr__(self) -> str:
        return f"<Draws of {self._keys} keys, exponent {self._exponent}>"

    def take(self, number: int) -> list[int]:
        """The next numbers."""
        end = self._at + number
        if end > len(self._row):
            self._row = self._drawn(max(_AT_ONCE, number))
            self._at, end = 0, number
        found = self._row[self._at : end]
        self._at = end
        return found

    def _drawn(self, number: int) -> list[int]:
        if self._exponent is None:
            drawn: list[int] = self._generator.integers(self._keys, size=number).tolist()
            return drawn
        shares = zipf_shares(self._keys, self._exponent)
        ranked: list[int] = np.searchsorted(shares, self._generator.random(number)).tolist()
        return ranked
