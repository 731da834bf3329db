"""What is said of a bundle that does not give what training gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from mlops.errors import ParityBroken
from mlops.formats import Bundle
from mlops_onnx.differences import Pair

__all__ = ["Skew", "broken"]


@dataclass(frozen=True)
class Skew:
    """Values that differ by more than the tolerance."""

    pair: Pair
    names: Sequence[str]
    """What the columns of the pair are called."""

    tolerance: float
    is_feature: bool


def broken(skew: Skew, what: str, bundle: Bundle, *, place: tuple[str, int], raw: pl.DataFrame) -> ParityBroken:
    """Say which row is worst, by how much, and what is unusual about it.

    Args:
        skew: what differs.
        what: which rows were compared.
        bundle: the bundle.
        place: part and number (from 0) of the worst row.
        raw: the worst row, as the bundle was given it.
    """
    row, column = skew.pair.worst
    over = int((skew.pair.gaps.max(axis=1) > skew.tolerance).sum())
    kind, other = ("feature ", "training") if skew.is_feature else ("", "native")
    flips = "" if skew.is_feature or len(skew.names) == 1 else f" {skew.pair.flips:,} with another label;"
    return ParityBroken(
        f"the bundle differs from {'the prepared features' if skew.is_feature else 'the native model'} "
        f"in {over:,} of {len(skew.pair.native):,} rows of {what};{flips} "
        f"worst is {kind}{skew.names[column]}: {other} {skew.pair.native[row, column]:.9g}, "
        f"bundle {skew.pair.bundle[row, column]:.9g} "
        f"(difference {skew.pair.largest:.3g}, tolerance {skew.tolerance:g})",
        where=f"row {place[1]} of the {place[0]} part: {_described(raw.to_dicts()[0], bundle.signature)}",
        fix=_FIXES[skew.is_feature],
    )


_FIXES = {
    True: "the features' graph must compute what their transform does; see whether the columns above are read alike",
    False: "a family's onnx() must predict what its predict() does; see whether the columns above are read alike",
}


def _described(raw: Mapping[str, Any], signature: Mapping[str, Any]) -> str:
    """The columns of a row that training saw no such value of, else all of them."""
    columns = [item for item in signature["inputs"] if item["kind"] not in ("image", "text")]
    unusual = {item["name"]: raw[item["name"]] for item in columns if _is_unusual(item, raw[item["name"]])}
    if unusual:
        return "unlike any training row in " + ", ".join(f"{name}={value!r}" for name, value in unusual.items())
    return ", ".join(f"{item['name']}={raw[item['name']]!r}" for item in columns)


def _is_unusual(item: Mapping[str, Any], value: Any) -> bool:
    if value is None:
        return not item["nullable"]
    if item["kind"] == "categorical":
        return (str(value).lower() if isinstance(value, bool) else str(value)) not in item["allowed"]
    if item["kind"] == "numeric" and item["low"] is not None:
        return not item["low"] <= float(value) <= item["high"]
    return False
