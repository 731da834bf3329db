from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.formats.snapshot import ColumnSummary, Snapshot
from mlops.formats.table import Table
from mlops.testing import make_context
from mlops_polars import snapshot as snapshot_module
from mlops_polars.data import Data
from mlops_polars.frequency import Distinct, Frequent, counted
from mlops_polars.snapshot import snapshot_of
from mlops_polars.tallies import Moments, Ranks, runs

Make = Callable[..., Table]
Sum = Callable[..., Snapshot]


@pytest.fixture
def summed(table: Make, make_folder: Callable[[], Path]) -> Sum:
    """Make the snapshot of columns."""

    def make(columns: Any) -> Snapshot:
        folder = make_folder()
        folder.mkdir()
        return snapshot_of(table(columns), folder)

    return make


def _only(snapshot: Snapshot) -> ColumnSummary:
    assert len(snapshot.columns) == 1
    return snapshot.columns[0]


def test_a_data_section_makes_a_snapshot_beside_its_table(make_folder: Callable[[], Path], tmp_path: Path) -> None:
    pl.DataFrame({"k": ["a", "b", None], "x": [1, 2, 4]}).write_parquet(tmp_path / "x.parquet")
    made = Data(path=str(tmp_path / "x.parquet"), where="x > 1").run(context=make_context(make_folder()))
    assert made.snapshot.rows == made.table.rows == 2
    assert [(column.name, column.type, column.nulls) for column in made.snapshot.columns] == [
        ("k", "String", 1),
        ("x", "Int64", 0),
    ]


def test_numbers_are_summed_up_exactly(summed: Sum) -> None:
    values = np.random.default_rng(3).normal(5, 2, 4000)
    column = _only(summed({"x": values}))
    assert column.mean == pytest.approx(values.mean())
    assert column.std == pytest.approx(values.std())
    assert column.quantiles[0] == values.min()
    assert column.quantiles[-1] == values.max()
    assert column.quantiles[50] == pytest.approx(np.median(values), abs=0.02)


def test_pieces_change_nothing_but_the_last_digits(
    summed: Sum, table: Make, make_folder: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    columns = {"x": rng.normal(size=9000), "k": rng.choice(list("abcd"), 9000), "n": rng.integers(0, 9, 9000)}
    whole = summed(columns).columns
    monkeypatch.setattr(snapshot_module, "_PIECE", 1024)
    parts = summed(columns).columns
    assert parts[1:] == whole[1:] or [c.counts for c in parts[1:]] == [c.counts for c in whole[1:]]
    assert parts[0].mean == pytest.approx(whole[0].mean)
    assert parts[0].std == pytest.approx(whole[0].std)
    assert parts[0].quantiles == pytest.approx(whole[0].quantiles, abs=0.05)


def test_the_same_rows_have_the_same_bytes_and_others_another_digest(summed: Sum) -> None:
    rng = np.random.default_rng(5)
    columns = {"x": rng.normal(size=3000), "k": rng.choice(list("abcdefg"), 3000)}
    first, second, other = (summed(item) for item in (columns, columns, {**columns, "x": columns["x"] + 1}))
    read = [(snapshot.folder / "snapshot.json").read_bytes() for snapshot in (first, second)]
    assert read[0] == read[1]
    assert first.digest != other.digest


def test_times_are_seconds_since_1970(summed: Sum) -> None:
    day = datetime(2024, 2, 3, 4, 5, tzinfo=UTC)
    seconds = day.timestamp()
    for unit in ("ms", "us", "ns"):
        column = _only(summed({"t": pl.Series([day]).dt.cast_time_unit(unit)}))
        assert (column.kind, column.quantiles[0]) == ("time", seconds)
    assert _only(summed({"t": [date(2024, 2, 3)]})).quantiles[0] == seconds - 4 * 3600 - 5 * 60
    assert _only(summed({"t": [time(1, 0)]})).quantiles[0] == 3600
    assert _only(summed({"t": [timedelta(hours=2)]})).quantiles[0] == 7200


def test_every_type_can_be_summed_up(summed: Sum) -> None:
    frame = pl.DataFrame(
        {
            "flag": [True, False, None],
            "category": pl.Series(["a", "b", "a"], dtype=pl.Categorical),
            "enum": pl.Series(["a", "b", "a"], dtype=pl.Enum(["a", "b"])),
            "decimal": [Decimal("1.5"), None, Decimal("2.5")],
            "list": [[1], None, []],
            "struct": [{"a": 1}, {"a": 2}, None],
            "bytes": [b"x", None, b"y"],
            "null": pl.Series([None, None, None], dtype=pl.Null),
            "small": pl.Series([1, 2, None], dtype=pl.Int8),
            "big": pl.Series([2**63, 1, None], dtype=pl.UInt64),
        }
    )
    found = {column.name: column for column in summed(frame).columns}
    assert {name: column.kind for name, column in found.items()} == {
        **dict.fromkeys(("flag",), "flag"),
        **dict.fromkeys(("category", "enum"), "text"),
        **dict.fromkeys(("decimal", "small", "big"), "number"),
        **dict.fromkeys(("list", "struct", "bytes", "null"), "other"),
    }
    assert {name: column.nulls for name, column in found.items()} == {
        **dict.fromkeys(("category", "enum"), 0),
        **dict.fromkeys(("flag", "decimal", "list", "struct", "bytes", "small", "big"), 1),
        "null": 3,
    }
    assert found["flag"].counts == (("false", 1), ("true", 1))


def test_infinite_and_undefined_numbers_are_set_aside(summed: Sum) -> None:
    column = _only(summed({"x": [1.0, 3.0, float("nan"), float("inf"), None]}))
    assert (column.unusual, column.nulls, column.mean) == (2, 1, 2.0)


def test_an_empty_column_has_no_figures(summed: Sum) -> None:
    column = _only(summed(pl.DataFrame({"x": [None, None]}, schema={"x": pl.Float64})))
    assert (column.mean, column.std, column.quantiles, column.distinct) == (None, None, (), 0)


def test_names_and_long_texts_take_little_room(summed: Sum) -> None:
    rows = 30_000
    snapshot = summed({"id": [f"customer {index}" for index in range(rows)], "text": ["x" * 5000] * rows})
    names, texts = snapshot.columns
    assert names.counts == ()
    assert not names.is_counts_all
    assert names.distinct == pytest.approx(rows, rel=0.06)
    assert texts.counts[0][1] == rows
    assert (snapshot.folder / "snapshot.json").stat().st_size < 2000


def test_frequent_values_survive_a_flood_of_rare_ones() -> None:
    frequent, distinct = Frequent(), Distinct()
    for piece in range(6):
        rare = [f"rare {piece} {index}" for index in range(30_000)]
        counts = counted(pl.Series([*rare, *["often"] * 500]))
        frequent.add(counts)
        distinct.add(counts["value"])
    assert frequent.counts()[0] == ("often", 3000)
    assert distinct.count == pytest.approx(180_001, rel=0.06)


@given(st.lists(st.integers(-5, 5)))
def test_runs_are_the_different_numbers_and_their_counts(values: list[int]) -> None:
    different, times = runs(np.array(values, dtype=np.int64))
    expected = np.unique(np.array(values, dtype=np.int64), return_counts=True)
    assert (different.tolist(), times.tolist()) == (expected[0].tolist(), expected[1].tolist())


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), min_size=1, max_size=6))
def test_moments_and_ranks_of_pieces_are_those_of_the_whole(pieces: list[list[float]]) -> None:
    moments, ranks = Moments(), Ranks()
    for piece in pieces:
        values = np.sort(np.array(piece))
        moments.add(values, np.ones(len(values)))
        ranks.add(values, np.ones(len(values)))
    whole = np.concatenate([np.array(piece) for piece in pieces])
    assert moments.mean == pytest.approx(whole.mean(), abs=1e-6)
    assert moments.std == pytest.approx(whole.std(), abs=1e-4)
    assert ranks.quantiles()[50] == pytest.approx(np.quantile(whole, 0.5, method="inverted_cdf"))


def test_ranks_stay_right_when_points_are_let_go() -> None:
    ranks, rng = Ranks(), np.random.default_rng(6)
    for _ in range(600):
        values = np.sort(rng.uniform(size=2000))
        ranks.add(values, np.ones(len(values)))
    assert ranks.quantiles()[1:-1] == pytest.approx(np.arange(1, 100) / 100, abs=0.003)
