from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.errors import ProjectError
from mlops_whylogs.sketching import merged, profiled, read


@pytest.fixture
def frame() -> pl.DataFrame:
    chance = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "x": chance.normal(5, 2, 6000),
            "n": chance.integers(0, 24, 6000),
            "s": chance.choice(["a", "b", "c"], 6000, p=[0.5, 0.3, 0.2]),
            "b": chance.random(6000) < 0.25,
            "gaps": [None if i % 4 == 0 else float(i) for i in range(6000)],
        }
    )


def test_counts_means_and_categories_are_exact(frame: pl.DataFrame) -> None:
    found = read(profiled(frame))
    assert found["x"].rows == 6000
    assert found["x"].mean == pytest.approx(frame["x"].mean())
    assert found["x"].std == pytest.approx(frame["x"].std())
    assert found["gaps"].missing == 1500
    assert found["b"].mean == pytest.approx(frame["b"].mean())
    assert found["s"].counts == {str(v): int(n) for v, n in frame["s"].value_counts().iter_rows()}


def test_distribution_is_close(frame: pl.DataFrame) -> None:
    points = [1.0, 3.0, 5.0, 7.0, 9.0]
    exact = [(frame["x"] < point).mean() for point in points]
    assert read(profiled(frame))["x"].below(points).tolist() == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize("cuts", [[3000], [1, 2, 5000], [10, 20, 30, 40]])
def test_parts_merge_into_the_whole(frame: pl.DataFrame, cuts: list[int]) -> None:
    bounds = [0, *cuts, frame.height]
    parts = [profiled(frame[a:b]) for a, b in pairwise(bounds)]
    whole, together = read(profiled(frame)), read(merged(parts))
    for name in frame.columns:
        assert (together[name].rows, together[name].missing) == (whole[name].rows, whole[name].missing)
        assert together[name].counts == whole[name].counts
        assert together[name].mean == pytest.approx(whole[name].mean, nan_ok=True)
        assert together[name].std == pytest.approx(whole[name].std, nan_ok=True)


def test_infinite_and_nan_values_count_as_missing_and_leave_the_mean_alone() -> None:
    found = read(profiled(pl.DataFrame({"x": [1.0, 2.0, float("inf"), float("nan"), None]})))["x"]
    assert (found.rows, found.missing, found.mean) == (5, 3, 1.5)


@pytest.mark.parametrize(
    "values",
    [
        pl.Series("c", ["a", None, "b"], dtype=pl.Categorical),
        pl.Series("c", [None, None], dtype=pl.String),
        pl.Series("c", [], dtype=pl.Float64),
        pl.Series("c", [None], dtype=pl.Null),
        pl.Series("c", ["x" * 500]),
        pl.Series("c", [2**63 + 1], dtype=pl.UInt64),
    ],
)
def test_unusual_columns_are_profiled(values: pl.Series) -> None:
    found = read(profiled(values.to_frame()))["c"]
    assert (found.rows, found.missing) == (len(values), values.null_count())


def test_times_are_counted() -> None:
    found = read(profiled(pl.DataFrame({"t": ["2024-01-01", None]}).select(pl.col("t").str.to_datetime())))["t"]
    assert (found.rows, found.missing) == (2, 1)


def test_whylogs_itself_reads_the_profile(frame: pl.DataFrame) -> None:
    from whylogs.core.view.dataset_profile_view import DatasetProfileView

    view = DatasetProfileView.deserialize(profiled(frame))
    assert view.get_column("s").to_summary_dict()["types/string"] == 6000
    assert view.get_column("x").to_summary_dict()["distribution/n"] == 6000


def test_damaged_profile_is_refused() -> None:
    with pytest.raises(ProjectError, match="cannot be read"):
        read(b"no profile")


@given(cuts=st.lists(st.integers(0, 400), max_size=6), seed=st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_any_partition_merges_to_the_whole(cuts: list[int], seed: int) -> None:
    chance = np.random.default_rng(seed)
    numbers = pl.Series(chance.normal(size=400)).set(pl.Series(chance.random(400) < 0.1), None)
    frame = pl.DataFrame({"x": numbers, "word": chance.choice(["a", "b", "c"], 400)})
    edges = sorted({0, 400, *cuts})
    parts = [profiled(frame[start:end]) for start, end in pairwise(edges)]
    whole, joined = read(profiled(frame)), read(merged(parts))
    for name, column in whole.items():
        assert (joined[name].rows, joined[name].missing) == (column.rows, column.missing)
        assert joined[name].counts == column.counts
    assert joined["x"].mean == pytest.approx(whole["x"].mean)
    assert joined["x"].std == pytest.approx(whole["x"].std)
    points = [-1.0, 0.0, 1.0]
    assert joined["x"].below(points) == pytest.approx(whole["x"].below(points), abs=0.03)
