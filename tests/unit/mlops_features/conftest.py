"""Small splits with every kind of column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops.formats import Roles, Splits
from mlops.formats.splits import PARTS, PartName

Make = Callable[..., Splits]


def rows(count: int, *, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    amount = rng.normal(100, 20, count)
    return pl.DataFrame(
        {
            "amount": pl.Series(amount, dtype=pl.Float64).set(pl.Series(rng.random(count) < 0.1), None),
            "count": rng.integers(0, 9, count),
            "flag": rng.random(count) < 0.5,
            "colour": rng.choice(["red", "green", "blue", "rare"], count, p=[0.5, 0.3, 0.19, 0.01]),
            "size": pl.Series(rng.choice(["s", "m", ""], count).tolist(), dtype=pl.String),
            "when": [
                dt.datetime.fromisoformat("1969-12-30") + dt.timedelta(hours=int(h))
                for h in rng.integers(0, 20_000, count)
            ],
            "day": pl.Series(
                [dt.date(1899, 2, 27) + dt.timedelta(days=int(d)) for d in rng.integers(0, 90_000, count)]
            ),
            "name": [f"row {index}" for index in range(count)],
            "kept": rng.choice(["No", "Yes"], count),
        }
    ).with_columns(
        pl.when(pl.col("size") == "").then(None).otherwise("size").alias("size"),
        pl.when(pl.int_range(count) % 7 == 3).then(None).otherwise("when").alias("when"),
    )


@pytest.fixture
def make_rows() -> Callable[..., pl.DataFrame]:
    return rows


@pytest.fixture
def make_splits(tmp_path: Path) -> Make:
    def make(*, roles: Roles | None = None, **parts: pl.DataFrame) -> Splits:
        sizes: dict[PartName, int] = {"train": 400, "validation": 60, "test": 80}
        frames = {part: parts.get(part, rows(sizes[part], seed=seed)) for seed, part in enumerate(PARTS)}
        folder = tmp_path / "splits"
        folder.mkdir()
        return Splits.create(
            folder, frames, roles=roles or Roles(target="kept", task="binary", id=("name",)), checks={}
        )

    return make
