"""The two sides of `features.py`, each in a process of its own; the last line is what it took, as JSON.

python benchmarks/features_sides.py table FOLDER ROWS
python benchmarks/features_sides.py ours|theirs FOLDER
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

_LEVELS = (4, 10, 25, 50, 100, 200)
"""Categories of each of the six columns of text."""

_NUMBERS = [f"number{index}" for index in range(10)]
_WORDS = [f"word{index}" for index in range(len(_LEVELS))]
_RARE = 0.001
_MOST = 200


def main() -> None:
    """Do one side's work."""
    side, folder, *rest = sys.argv[1:]
    if side == "table":
        print(json.dumps(table(Path(folder), rows=int(rest[0]))))
    else:
        print(json.dumps({"ours": ours, "theirs": theirs}[side](Path(folder))))


def table(folder: Path, *, rows: int) -> dict[str, Any]:
    """Write the rows: ten numbers, a twentieth of them missing, and six columns of text."""
    from mlops.formats import Splits
    from mlops.formats.table import Roles

    made = _frame(rows)
    small = _frame(1_000)
    (folder / "splits").mkdir()
    roles = Roles(target="y", task="binary")
    Splits.create(folder / "splits", {"train": made, "validation": small, "test": small}, roles=roles, checks={})
    return {"bytes": made.drop("y").estimated_size()}


def ours(folder: Path) -> dict[str, Any]:
    """Run the features stage: it reads the splits, fits, transforms, writes prepared parts and the graph."""
    import mlops_features.graph
    import mlops_features.making  # noqa: F401 - imports are not what is measured
    from mlops.formats import Splits
    from mlops.testing import make_context
    from mlops_features.features import Features

    shutil.rmtree(folder / "work", ignore_errors=True)
    context = make_context(folder / "work")
    stage = Features.model_validate(
        {
            "numeric": {"impute": "median", "indicator": True, "scale": "standard"},
            "categorical": {"encode": "ordinal", "min_frequency": _RARE, "max_categories": _MOST},
        }
    )
    took = _measured(lambda: stage.run(Splits(folder / "splits"), context=context))
    made = took.pop("made").prepared
    first = made.read("train", columns=_NUMBERS).mean().row(0)
    return {**took, "columns": len(made.facts.features), "means": [float(value) for value in first]}


def theirs(folder: Path) -> dict[str, Any]:
    """Read the rows with pandas, fit and transform with a ColumnTransformer, write the result."""
    import pandas as pd

    transformer = _transformer()
    steps: dict[str, float] = {}

    def whole() -> Any:
        frame = pd.read_parquet(folder / "splits" / "train.parquet").drop(columns="y")
        wall, cpu = time.perf_counter(), time.process_time()
        made = transformer.fit_transform(frame).astype(np.float32)
        steps.update(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)
        del frame
        names = [str(index) for index in range(made.shape[1])]
        pd.DataFrame(made, columns=names).to_parquet(folder / "theirs.parquet", compression="zstd")
        return made

    took = _measured(whole)
    made = took.pop("made")
    first = made[:, : len(_NUMBERS)].mean(axis=0, dtype=np.float64)
    return {**took, "inner": steps, "columns": made.shape[1], "means": first.tolist()}


def _transformer() -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder, StandardScaler

    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=-1,
        min_frequency=_RARE,
        max_categories=_MOST,
        dtype=np.float32,
    )
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    return ColumnTransformer([("numbers", numbers, _NUMBERS), ("words", encoder, _WORDS)])


def _frame(rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(rows)
    columns: dict[str, Any] = {}
    for name in _NUMBERS:
        values = rng.normal(10, 3, rows)
        columns[name] = pl.Series(values).set(pl.Series(rng.random(rows) < 0.05), None)  # noqa: PLR2004 - a twentieth
    for name, levels in zip(_WORDS, _LEVELS, strict=True):
        known = pl.Series([f"{name} level {index}" for index in range(levels)])
        columns[name] = known.gather((levels * rng.random(rows) ** 2).astype(np.int64))
    columns["y"] = rng.integers(0, 2, rows)
    return pl.DataFrame(columns)


def _measured(work: Callable[[], Any]) -> dict[str, Any]:
    """Time a piece of work, and see how far memory grows above what was there before it."""
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the highest mark starts again from here
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    return {**took, "peak": _resident("VmHWM") - before, "made": made}


def _resident(mark: str) -> int:
    """Read a memory figure of this process, in bytes (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{mark}:"))


if __name__ == "__main__":
    main()
