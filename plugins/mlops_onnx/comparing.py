"""The work of the parity stage, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mlops import formats
from mlops.errors import ParityBroken
from mlops.formats.features import matrix_of
from mlops.formats.scorer import Scorer
from mlops.formats.splits import PartName
from mlops.stage import Context
from mlops_onnx.differences import Outcome, Pair, sizes_of
from mlops_onnx.exposing import exposed
from mlops_onnx.skew import Skew, broken

if TYPE_CHECKING:
    from mlops_onnx.parity import Parity

__all__ = ["Training", "compare"]

Array = np.ndarray[Any, Any]

_NUMBERS = 4_000_000
"""Numbers of a batch, over all its features: what is in memory at once."""

_ROWS = 65_536
_ALONE = "one by one"


@dataclass(frozen=True)
class Training:
    """What training left behind: the raw rows, the features made from them, and the native predictions."""

    model: formats.Model
    splits: formats.Splits
    prepared: formats.Prepared

    def rows(self, part: PartName) -> int:
        """How many rows a part has.

        Raises:
            ParityBroken: the three do not belong together.
        """
        count = int(self.splits.scan(part).select(pl.len()).collect().item())
        known = {"predictions": _count(self.model.folder / f"predictions_{part}.parquet")}
        known["prepared rows"] = self.prepared.rows(part)
        for what, found in known.items():
            if found != count:
                raise ParityBroken(
                    f"there are {found:,} {what} of the {part} part, which has {count:,} rows",
                    fix="let model, prepared and splits come from the same run of the stages",
                )
        return count

    def read(self, part: PartName, first: int, rows: int) -> tuple[pl.DataFrame, Array, Array]:
        """Read raw rows, their features (rows, n) and their native scores (rows, outputs)."""
        facts = self.prepared.facts
        names = [*facts.singles, *(block.name for block in facts.blocks)]
        made = pl.scan_parquet(self.prepared.path(part)).select(names).slice(first, rows).collect()
        scores = pl.scan_parquet(self.model.folder / f"predictions_{part}.parquet").select("^score_\\d+$")
        raw = self.splits.scan(part).slice(first, rows).collect()
        return raw, matrix_of(made, facts), scores.slice(first, rows).collect().to_numpy()


def _count(path: Path) -> int:
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())


def compare(stage: Parity, bundle: formats.Bundle, training: Training, *, context: Context) -> formats.Parity:
    """Compare part by part, and some rows one by one.

    Raises:
        ParityBroken: some row differs by more than the tolerance.
    """
    made: dict[str, Outcome] = {}
    judges = (
        _Judge(stage, bundle, training, "validation", 0),
        _Judge(stage, bundle, training, "test", stage.single_rows),
    )
    for judge in judges:
        for found in judge.outcomes(context):
            made[found.what] = made[found.what].joined(found) if found.what in made else found
    if not any(item.rows for item in made.values()):
        raise ParityBroken("there are no validation and test rows to compare on", fix="give the split some")
    facts = _facts(stage, made)
    context.metric("largest_difference", facts["largest"])
    context.metric("largest_difference_of_features", facts["largest_of_features"])
    return formats.Parity.create(context.output("parity"), facts)


def _facts(stage: Parity, made: dict[str, Outcome]) -> dict[str, Any]:
    whole = [item for name, item in made.items() if name != _ALONE]
    return {
        "rows": sum(item.rows for item in whole),
        "largest": max(item.largest for item in made.values()),
        "largest_of_features": max(item.largest_of_features for item in made.values()),
        "tolerance": stage.tolerance,
        "feature_tolerance": stage.feature_tolerance,
        "flips": sum(item.flips for item in whole),
        "refused": sum(item.refused for item in whole),
        "comparisons": {name: item.facts() for name, item in made.items()},
    }


@dataclass(frozen=True)
class _Batch:
    """Some rows of a part in a row, and what came of them."""

    raw: pl.DataFrame
    first: int
    """Number of the first row within the part, from 0."""

    known: tuple[Array, Array]
    """Features and scores of training."""

    made: tuple[Array, Array]
    """Features and scores of the bundle."""

    good: Array
    """Numbers of the rows, within the batch, that the bundle does not refuse."""


@dataclass(frozen=True)
class _Judge:
    """Sends the rows of a part through the bundle and holds what comes out against what training left."""

    stage: Parity
    bundle: formats.Bundle
    training: Training
    part: PartName
    singles: int
    """How many evenly spaced rows are scored alone as well."""

    def outcomes(self, context: Context) -> Iterator[Outcome]:
        """Compare batch by batch, so that only one is in memory."""
        total = self.training.rows(self.part)
        graph, signature = exposed(self.bundle.graph), self.bundle.signature
        scorer = Scorer(graph, signature, threads=context.cpus)
        size = max(1, min(_ROWS, _NUMBERS // len(self.training.prepared.facts.features)))
        for first in range(0, total, size):
            batch = self._batch(scorer, first, min(size, total - first))
            yield self._held(batch, batch.good, (batch.made[0][batch.good], batch.made[1][batch.good]), what=self.part)
            alone = self._alone(batch, total)
            if len(alone):
                yield self._held(batch, alone, self._one_by_one(scorer, batch, alone), what=_ALONE)
            context.progress(first + batch.raw.height, total, f"{self.part} rows")

    def _alone(self, batch: _Batch, total: int) -> Array:
        """The rows of a batch that are among the part's evenly spaced ones."""
        spaced = np.linspace(0, total - 1, min(self.singles, total)).astype(np.int64) - batch.first
        return np.intersect1d(spaced, batch.good)

    @property
    def _outputs(self) -> tuple[str, str]:
        return ("features", "scores" if self.training.model.facts.classes else "prediction")

    def _batch(self, scorer: Scorer, first: int, rows: int) -> _Batch:
        raw, features, native = self.training.read(self.part, first, rows)
        checked = scorer.checked(raw)
        made, scores = scorer.run(checked, self._outputs)
        good = np.flatnonzero(~checked.bad_rows())
        return _Batch(raw, first, (features, native), (made, scores.reshape(rows, -1)), good)

    def _one_by_one(self, scorer: Scorer, batch: _Batch, places: Array) -> tuple[Array, Array]:
        rows = [scorer.run_row(batch.raw.row(place, named=True), self._outputs) for place in places.tolist()]
        return np.vstack([made for made, _ in rows]), np.vstack([scores.reshape(1, -1) for _, scores in rows])

    def _held(self, batch: _Batch, places: Array, made: tuple[Array, Array], *, what: str) -> Outcome:
        """Measure some rows of a batch against training's; fail when one differs too much."""
        facts = self.training.model.facts
        features = Pair(batch.known[0][places], made[0], sizes_of(batch.known[0]))
        scores = Pair(batch.known[1][places], made[1], None if facts.classes else sizes_of(batch.known[1]))
        for pair, tolerance, names in (
            (features, self.stage.feature_tolerance, self.training.prepared.facts.features),
            (scores, self.stage.tolerance, tuple(f"score_{name}" for name in facts.classes) or ("prediction",)),
        ):
            if pair.largest > tolerance:
                skew = Skew(pair, names, tolerance, is_feature=pair is features)
                place = int(places[pair.worst[0]])
                raise broken(skew, what, self.bundle, place=(self.part, batch.first + place), raw=batch.raw[place])
        return Outcome(
            what,
            rows=len(places),
            refused=0 if what == _ALONE else batch.raw.height - len(places),
            largest=scores.largest,
            largest_of_features=features.largest,
            flips=scores.flips if facts.classes else 0,
        )
