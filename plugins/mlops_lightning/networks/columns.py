"""Which columns of the feature matrix are what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from mlops.formats.features import Block, PreparedFacts

__all__ = ["Columns", "take"]


@dataclass(frozen=True)
class Columns:
    """Places of quantities, codes and blocks in a row of features."""

    quantities: tuple[int, ...]
    """Single features that are quantities."""

    codes: tuple[int, ...]
    """Single features that are codes."""

    rest: tuple[int, ...]
    """Features of blocks, other than the block that a network reads in its own way."""

    @classmethod
    def of(cls, facts: PreparedFacts, *, apart: Block | None = None) -> Columns:
        """Sort the columns; those of the block ``apart`` are in none of the groups."""
        singles = facts.singles
        codes = tuple(place for place, name in enumerate(singles) if name in facts.categorical)
        quantities = tuple(place for place in range(len(singles)) if place not in set(codes))
        rest = [
            place for block in facts.blocks if apart is None or block.name != apart.name for place in span(facts, block)
        ]
        return cls(quantities, codes, tuple(rest))


def span(facts: PreparedFacts, block: Block) -> range:
    """Find the places of a block."""
    start = len(facts.singles)
    for other in facts.blocks:
        if other.name == block.name:
            break
        start += other.width
    return range(start, start + block.width)


def take(features: Tensor, places: Sequence[int], index: Tensor) -> Tensor:
    """Take columns of (rows, n): all or neighbours as a view, others by ``index``, their places as a tensor."""
    first, count = places[0], len(places)
    if count == features.shape[1] and places[-1] == count - 1:
        return features
    if places[-1] - first == count - 1:
        return features[:, first : first + count]
    return features.index_select(1, index)
