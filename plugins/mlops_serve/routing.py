"""Which version answers a request: by a hash of its key, so that the same key goes the same way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Routes", "bounds", "place_of"]

T = TypeVar("T")

_WHOLE = float(2**64)


def place_of(key: str) -> float:
    """Give a key its place from 0 to 1: BLAKE2b with 8 bytes, as a share of all values."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _WHOLE


def bounds(shares: Sequence[float]) -> tuple[float, ...]:
    """Give the upper bounds of the shares, one behind the other; the last takes what rounding leaves.

    The first version's keys stay with it when its share grows; with two versions so do the last one's.
    """
    total, found = 0.0, []
    for share in shares:
        total += share
        found.append(total)
    if found:
        found[-1] = float("inf")
    return tuple(found)


@dataclass(frozen=True)
class Routes(Generic[T]):
    """Versions with their bounds, and those that only look on; never changed, only replaced."""

    revision: int
    live: tuple[T, ...]
    limits: tuple[float, ...]
    leading: T
    shadows: tuple[T, ...] = ()

    def pick(self, key: str) -> T:
        """Choose the version for a key."""
        if len(self.live) == 1:
            return self.live[0]
        place = place_of(key)
        return next(item for item, limit in zip(self.live, self.limits, strict=True) if place < limit)
