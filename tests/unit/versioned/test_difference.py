from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.formats.snapshot import QUANTILES, ColumnSummary
from mlops.versioned.difference import Change, Difference, compare
from mlops.versioned.difference_view import render
from mlops.versioned.distance import distance
from tests.unit.versioned.conftest import Snap

ROWS = 5000


@pytest.fixture
def normal() -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(1).normal(size=ROWS)


def _change(difference: Difference, name: str) -> Change:
    return next(change for change in difference.changes if change.old.name == name)


def _psi(old: Any, new: Any, edges: Any) -> float:
    """The index by its definition, from the values themselves."""
    shares = [np.histogram(values, edges)[0] / len(values) for values in (old, new)]
    a, b = (np.maximum(share, 1e-4) for share in shares)
    return float(((shares[1] - shares[0]) * np.log(b / a)).sum())


def test_a_table_does_not_differ_from_itself(snap: Snap, normal: Any) -> None:
    columns = {"x": normal, "name": ["a", "b"] * (ROWS // 2), "day": [date(2024, 1, 1)] * ROWS, "flag": normal > 0}
    found = compare(snap(columns), snap(columns))
    assert found.is_same
    assert all(change.distance is not None and change.distance.psi == 0 for change in found.changes)


def test_two_samples_of_one_population_are_the_same(snap: Snap) -> None:
    rng = np.random.default_rng(2)
    sides = [snap({"x": rng.normal(size=2000), "k": rng.choice(list("abcdef"), 2000)}) for _ in range(2)]
    assert [change.verdict for change in compare(*sides).changes] == ["same", "same"]


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, "same"), (0.2, "small"), (0.4, "moderate"), (1.0, "large")])
def test_a_shift_is_judged_by_its_size(snap: Snap, normal: Any, shift: float, verdict: str) -> None:
    change = compare(snap({"x": normal}), snap({"x": normal[::-1] + shift})).changes[0]
    assert change.verdict == verdict


def test_the_index_of_numbers_is_that_of_the_values(snap: Snap, normal: Any) -> None:
    moved = normal * 1.3 + 0.5
    change = compare(snap({"x": normal}), snap({"x": moved})).changes[0]
    edges = [-np.inf, *np.quantile(normal, np.arange(1, 10) / 10), np.inf]
    assert change.distance is not None
    assert change.distance.psi == pytest.approx(_psi(normal, moved, edges), rel=0.03)


def test_a_column_that_was_constant_is_seen_to_move(snap: Snap, normal: Any) -> None:
    change = compare(snap({"x": np.full(ROWS, 3.0)}), snap({"x": normal})).changes[0]
    assert change.verdict == "large"


def test_whole_numbers_kept_as_floats_are_compared_by_value(snap: Snap) -> None:
    numbers = [1, 2, 3, 4] * 100
    found = compare(snap({"x": numbers}), snap({"x": [float(number) for number in numbers]}))
    assert [change.old.name for change in found.retyped] == ["x"]
    assert found.changes[0].verdict == "same"


def test_new_and_gone_values_are_named_with_their_shares(snap: Snap) -> None:
    change = compare(snap({"k": ["a"] * 90 + ["b"] * 10}), snap({"k": ["a"] * 50 + ["c"] * 50})).changes[0]
    assert change.came == (("c", 0.5),)
    assert change.went == (("b", 0.1),)
    assert change.distance is not None
    assert change.distance.variation == pytest.approx(0.5)


def test_more_missing_values_are_a_shift(snap: Snap, normal: Any) -> None:
    holes = [None if index % 3 == 0 else value for index, value in enumerate(normal)]
    change = compare(snap({"x": normal}), snap({"x": holes})).changes[0]
    assert change.verdict == "large"
    assert change.missing == pytest.approx((0, 1 / 3), abs=1e-3)


def test_nan_is_not_a_number_that_moved_others(snap: Snap, normal: Any) -> None:
    spoilt = normal.copy()
    spoilt[:50] = np.nan
    change = compare(snap({"x": normal}), snap({"x": spoilt})).changes[0]
    assert change.new.unusual == 50
    assert change.new.mean == pytest.approx(float(normal[50:].mean()))


def test_columns_that_came_went_and_changed_their_type_are_listed(snap: Snap) -> None:
    found = compare(snap({"a": [1], "b": ["x"], "c": [1]}), snap({"c": ["1"], "a": [1], "d": [1.5]}))
    assert [column.name for column in found.came] == ["d"]
    assert [column.name for column in found.went] == ["b"]
    assert [change.verdict for change in found.retyped] == ["retyped"]


def test_an_empty_side_is_no_mistake(snap: Snap) -> None:
    empty = snap(pl.DataFrame({"x": []}, schema={"x": pl.Float64}))
    found = compare(empty, snap({"x": [1.0]}))
    assert _change(found, "x").distance is None
    assert "0 → 1" in render(found, names=("a", "b"))


def test_lists_are_compared_by_what_is_missing(snap: Snap) -> None:
    change = compare(snap({"x": [[1], [2], [3], None]}), snap({"x": [[1], None, None, None]})).changes[0]
    assert change.new.kind == "other"
    assert change.missing == (0.25, 0.75)


def test_what_moved_most_is_shown_first(snap: Snap, normal: Any) -> None:
    days = [date(2024, 1, 1) + timedelta(days=index % 50) for index in range(ROWS)]
    later = [day + timedelta(days=3) for day in days]
    old = {"calm": normal, "far": normal, "day": days, "k": ["a", "b"] * (ROWS // 2)}
    new = {"calm": normal[::-1], "far": normal + 3, "day": later, "k": ["a", "c"] * (ROWS // 2)}
    text = render(compare(snap(old), snap(new)), names=("old", "new"))
    lines = text.splitlines()
    assert lines[0] == "old → new"
    assert [line.split()[0] for line in lines[5:8]] == ["k", "far", "day"]
    assert "new: c 50.0%; gone: b 50.0%" in text
    assert "2024-01-25 → 2024-01-28" in text
    assert lines[-1] == "1 of 4 columns are spread as they were"


_SUMMARY = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60).map(
    lambda values: ColumnSummary(
        name="x",
        type="Float64",
        kind="number",
        nulls=0,
        distinct=len(values),
        quantiles=tuple(float(value) for value in np.quantile(values, np.arange(QUANTILES + 1) / QUANTILES)),
    )
)


@given(_SUMMARY, _SUMMARY)
def test_a_distance_is_never_negative_and_none_from_oneself(a: ColumnSummary, b: ColumnSummary) -> None:
    found, none = distance(a, b, rows=(100, 100)), distance(a, a, rows=(100, 100))
    assert found is not None
    assert none is not None
    assert found.psi >= -1e-9
    assert 0 <= found.variation <= 1 + 1e-9
    assert none.psi == pytest.approx(0)
