"""Rows on disk: how they are cut into groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from mlops.formats.rows import write_rows


def wide(rows: int, columns: int) -> pl.LazyFrame:
    return pl.LazyFrame({"a": range(rows)}).select((pl.col("a") % 7 == n).alias(f"c{n}") for n in range(columns))


@pytest.mark.parametrize("lazy", [True, False])
def test_wide_rows_get_smaller_groups(tmp_path: Path, *, lazy: bool) -> None:
    frame = wide(3_000, 9_000) if lazy else wide(3_000, 9_000).collect()
    write_rows(tmp_path / "x.parquet", frame)
    assert pq.read_metadata(tmp_path / "x.parquet").row_group(0).num_rows == 2**24 // 9_000
    assert pl.read_parquet(tmp_path / "x.parquet", columns=["c3"])["c3"].sum() == 429


def test_an_array_counts_as_many_values_as_it_holds(tmp_path: Path) -> None:
    values = np.zeros((3_000, 90, 100), dtype=np.float32)
    frame = pl.DataFrame({"a": pl.Series(values, dtype=pl.Array(pl.Float32, (90, 100)))})
    write_rows(tmp_path / "x.parquet", frame)
    assert pq.read_metadata(tmp_path / "x.parquet").row_group(0).num_rows == 2**24 // 9_000


def test_narrow_rows_keep_large_groups(tmp_path: Path) -> None:
    write_rows(tmp_path / "x.parquet", wide(140_000, 2))
    assert pq.read_metadata(tmp_path / "x.parquet").row_group(0).num_rows == 131_072
