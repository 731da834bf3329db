"""The block of features that a family reads in its own way."""

from __future__ import annotations

from typing import Literal

from mlops.errors import StageError
from mlops.formats.features import Block, PreparedFacts

__all__ = ["one_block"]


def one_block(facts: PreparedFacts, kind: Literal["image", "tokens"], *, reader: str) -> Block:
    """Find the one image or text.

    Args:
        facts: of the prepared rows.
        kind: of block that is wanted.
        reader: family that wants it.

    Raises:
        StageError: there is none, or more than one.
    """
    found = [block for block in facts.blocks if block.kind == kind]
    if len(found) == 1:
        return found[0]
    thing = {"image": "image", "tokens": "text as word numbers"}[kind]
    if found:
        names = ", ".join(repr(block.name) for block in found)
        raise StageError(f"{reader} reads one {thing} a row, but there are {len(found)}: {names}", fix=_drop(found[1]))
    raise StageError(
        f"{reader} reads one {thing} a row, but the features hold none",
        fix=f"features={kind}, or choose model=mlp, which reads all quantities and categories",
    )


def _drop(block: Block) -> str:
    return f"leave all but one out, such as features.drop=[{block.name}]"
