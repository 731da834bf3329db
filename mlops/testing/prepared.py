"""Small prepared parts for testing model families and what comes after features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.formats.features import Prepared, PreparedFacts
from mlops.formats.splits import PARTS
from mlops.formats.table import Task

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = ["make_prepared"]

_CLASSES: Mapping[Task, tuple[str, ...]] = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}


def make_prepared(folder: Path, task: Task, *, rows: int = 300, weighed: bool = False) -> Prepared:
    """Make small prepared parts that any family can learn: two quantities and one code decide the target.

    Args:
        folder: where to write; made, must not exist.
        task: what the target is.
        rows: rows of train; validation and test have half as many.
        weighed: give rows weights.
    """
    import numpy as np

    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    parts = {part: _part(rng, task, rows if part == "train" else rows // 2, weighed=weighed) for part in PARTS}
    facts = PreparedFacts(
        task=task,
        target="y",
        features=("first", 'se"cond, [odd]', "code"),
        categorical=("code",),
        classes=_CLASSES[task],
    )
    return Prepared.create(folder, parts, facts=facts)


def _part(rng: np.random.Generator, task: Task, rows: int, *, weighed: bool) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    first, second = rng.normal(size=(2, rows)).astype(np.float32)
    code = rng.integers(0, 4, rows)
    value = 2.0 * first - second + np.array([0.0, 1.0, -1.0, 2.0])[code]
    target = {"binary": value > 0, "multiclass": np.digitize(value, [-1.0, 1.0]), "regression": value}[task]
    columns = {
        "first": first,
        'se"cond, [odd]': second,
        "code": code.astype(np.float32),
        "__target__": target.astype(np.float64 if task == "regression" else np.int64),
    }
    return pl.DataFrame(columns | ({"__weight__": rng.uniform(0.5, 2.0, rows)} if weighed else {}))
