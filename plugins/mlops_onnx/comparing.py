"""The work of the parity stage, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mlops import formats
from mlops.errors import ParityBroken
from mlops.formats.splits import PartName
from mlops.stage import Context

if TYPE_CHECKING:
    from mlops_onnx.parity import Parity

__all__ = ["compare"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Comparison:
    """Native scores and the bundle's on the same rows, both (rows, outputs)."""

    what: str
    part: PartName
    places: Array
    """Number of each row within its part."""

    native: Array
    bundle: Array
    regression: bool

    @property
    def differences(self) -> Array:
        """Absolute for probabilities; relative to max(|value|, mean |value|) for values. NaN counts as infinite."""
        gap = np.abs(self.bundle - self.native)
        if self.regression:
            size = np.abs(self.native)
            gap = gap / np.maximum(np.maximum(size, size.mean()), np.finfo(np.float64).tiny)
        return np.where(np.isnan(gap), np.inf, gap)

    @property
    def largest(self) -> float:
        return float(self.differences.max())

    @property
    def flips(self) -> int:
        """Rows whose label differs."""
        if self.regression:
            return 0
        return int((self.native.argmax(axis=1) != self.bundle.argmax(axis=1)).sum())

    def facts(self) -> dict[str, Any]:
        return {"rows": len(self.native), "largest": self.largest, "flips": self.flips}


def compare(
    stage: Parity, bundle: formats.Bundle, model: formats.Model, splits: formats.Splits, *, context: Context
) -> formats.Parity:
    """Compare part by part, then one by one.

    Raises:
        ParityBroken: some row differs by more than the tolerance.
    """
    made = [_batch(bundle, model, splits, part, context=context) for part in ("validation", "test")]
    made.append(_one_by_one(bundle, made[-1], splits, rows=stage.single_rows))
    made = [item for item in made if len(item.native)]
    if not made:
        raise ParityBroken("there are no validation and test rows to compare on", fix="give the split some")
    worst = max(made, key=lambda item: item.largest)
    context.metric("largest_difference", worst.largest)
    if worst.largest > stage.tolerance:
        raise _broken(worst, bundle, splits, tolerance=stage.tolerance)
    facts = {
        "rows": sum(len(item.native) for item in made if item.what in ("validation", "test")),
        "largest": worst.largest,
        "tolerance": stage.tolerance,
        "flips": sum(item.flips for item in made if item.what in ("validation", "test")),
        "comparisons": {item.what: item.facts() for item in made},
    }
    return formats.Parity.create(context.output("parity"), facts)


def _batch(
    bundle: formats.Bundle, model: formats.Model, splits: formats.Splits, part: PartName, *, context: Context
) -> _Comparison:
    native = model.predictions(part).select(pl.col("^score_\\d+$")).to_numpy()
    raw = splits.read(part)
    if len(native) != raw.height:
        raise ParityBroken(
            f"the model has {len(native):,} predictions of the {part} part, which has {raw.height:,} rows",
            fix="let model and splits come from the same run of the stages",
        )
    scores = _scores(bundle.predict(raw, threads=context.cpus))
    return _Comparison(part, part, np.arange(len(native)), native, scores, not model.facts.classes)


def _one_by_one(bundle: formats.Bundle, batch: _Comparison, splits: formats.Splits, *, rows: int) -> _Comparison:
    """Evenly spaced rows of the batch's part, each scored alone."""
    total = len(batch.native)
    places = np.unique(np.linspace(0, total - 1, min(rows, total)).astype(np.int64))
    raw = splits.read(batch.part)[places.tolist()]
    scores = [_scores(bundle.predict(raw[index])) for index in range(raw.height)]
    alone = np.vstack([np.empty((0, batch.native.shape[1])), *scores])
    return _Comparison("one by one", batch.part, places, batch.native[places], alone, batch.regression)


def _scores(predicted: pl.DataFrame) -> Array:
    return predicted.drop("label", strict=False).to_numpy().astype(np.float64)


def _broken(item: _Comparison, bundle: formats.Bundle, splits: formats.Splits, *, tolerance: float) -> ParityBroken:
    """Say which row is worst, by how much, and what is unusual about it."""
    differences = item.differences
    row, output = np.unravel_index(int(differences.argmax()), differences.shape)
    place = int(item.places[row])
    signature = bundle.signature
    name = f"score_{signature['classes'][output]}" if signature["classes"] else "prediction"
    raw = splits.read(item.part)[place].to_dicts()[0]
    over = int((differences.max(axis=1) > tolerance).sum())
    return ParityBroken(
        f"the bundle differs from the native model in {over:,} of {len(differences):,} rows of {item.what}, "
        f"{item.flips:,} with another label; worst is {name}: native {item.native[row, output]:.9g}, "
        f"bundle {item.bundle[row, output]:.9g} (difference {item.largest:.3g}, tolerance {tolerance:g})",
        where=f"row {place} of the {item.part} part: {_described(raw, signature)}",
        fix="a family's onnx() must predict what its predict() does; see whether the columns above are read alike",
    )


def _described(raw: Mapping[str, Any], signature: Mapping[str, Any]) -> str:
    """The columns of a row that training saw no such value of, else all of them."""
    unusual = {item["name"]: raw[item["name"]] for item in signature["inputs"] if _is_unusual(item, raw[item["name"]])}
    if unusual:
        return "unlike any training row in " + ", ".join(f"{name}={value!r}" for name, value in unusual.items())
    return ", ".join(f"{item['name']}={raw[item['name']]!r}" for item in signature["inputs"])


def _is_unusual(item: Mapping[str, Any], value: Any) -> bool:
    if value is None:
        return not item["nullable"]
    if item["kind"] == "categorical":
        return (str(value).lower() if isinstance(value, bool) else str(value)) not in item["allowed"]
    if item["kind"] == "numeric" and item["low"] is not None:
        return not item["low"] <= float(value) <= item["high"]
    return False
