"""Aggregates over ranges, against a loop over each range."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.formats.ranges import Ranges, distinct, extremes, spreads, totals


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], Ranges]:
    size = draw(st.integers(0, 70))
    values = draw(st.lists(st.integers(-5, 5), min_size=size, max_size=size))
    pairs = draw(st.lists(st.tuples(st.integers(0, size), st.integers(0, size)), max_size=12))
    bounds = np.array([sorted(pair) for pair in pairs], dtype=np.int64).reshape(-1, 2)
    return np.array(values, dtype=np.int64), Ranges(bounds[:, 0], bounds[:, 1])


def parts(values: np.ndarray[Any, Any], ranges: Ranges) -> list[list[int]]:
    return [values[first:end].tolist() for first, end in zip(ranges.first, ranges.end, strict=True)]


@given(cases())
def test_totals(case: tuple[np.ndarray[Any, Any], Ranges]) -> None:
    assert totals(*case).tolist() == [sum(part) for part in parts(*case)]


@given(cases())
def test_extremes_where_there_are_values(case: tuple[np.ndarray[Any, Any], Ranges]) -> None:
    for largest, pick in ((False, min), (True, max)):
        found = extremes(*case, largest=largest).tolist()
        assert [value for value, part in zip(found, parts(*case), strict=True) if part] == [
            pick(part) for part in parts(*case) if part
        ]


@given(cases())
def test_different_values(case: tuple[np.ndarray[Any, Any], Ranges]) -> None:
    assert distinct(*case).tolist() == [len(set(part)) for part in parts(*case)]


@given(cases())
def test_spreads(case: tuple[np.ndarray[Any, Any], Ranges]) -> None:
    wanted = [statistics.stdev(part) if len(part) > 1 else math.nan for part in parts(*case)]
    assert spreads(case[0].astype(float), case[1]).tolist() == pytest.approx(wanted, nan_ok=True)


@given(cases(), st.data())
def test_narrowed_ranges_hold_the_kept_values(case: tuple[np.ndarray[Any, Any], Ranges], data: st.DataObject) -> None:
    values, ranges = case
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))), dtype=bool)
    marked = np.where(kept, values, 99)
    wanted = [[value for value in part if value != 99] for part in parts(marked, ranges)]
    assert parts(values[kept], ranges.narrowed(kept)) == wanted


def test_values_outside_a_range_do_not_touch_its_last_bit() -> None:
    inside = np.array([0.1, 0.2, 0.3, 0.7, 1e-9])
    alone = totals(inside, Ranges(np.array([0]), np.array([5])))
    for before in range(1, 9):
        padded = np.concatenate([np.full(before, 1e300), inside, [math.inf, math.nan]])
        assert totals(padded, Ranges(np.array([before]), np.array([before + 5]))).tobytes() == alone.tobytes()
