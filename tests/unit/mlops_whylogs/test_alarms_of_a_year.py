"""How often a monitor is wrong: false alarms in a year without drift, and shifts that it does not see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from mlops_whylogs.dependence import independence
from mlops_whylogs.drift import compare
from mlops_whylogs.floors import Floors
from mlops_whylogs.profile import Profile
from mlops_whylogs.reference import column_facts
from mlops_whylogs.sketching import profiled, read

FEATURES, ROWS, DAYS = 50, 500, 365
LEVEL = 0.5 / 365.25
"""Half a false alarm a year, in daily windows."""

Array = np.ndarray[Any, np.dtype[np.float64]]


def draws(chance: np.random.Generator, rows: int, columns: int, *, rho: float) -> Array:
    """Columns of mean 0 and deviation 1; each row leans on the one before it: AR(1)."""
    noise = chance.normal(size=(rows, columns)) * np.sqrt(1 - rho**2)
    noise[0] /= np.sqrt(1 - rho**2)
    if rho:
        for row in range(1, rows):
            noise[row] += rho * noise[row - 1]
    return np.asarray(noise)


def frame(values: Array) -> pl.DataFrame:
    return pl.DataFrame({f"x{index}": values[:, index] for index in range(values.shape[1])})


def reference(values: Array) -> dict[str, Any]:
    described = frame(values)
    columns = [{"name": name, **column_facts(described[name], Profile())} for name in described.columns]
    return {"columns": columns, "predictions": []}


def alarmed(facts: Mapping[str, Any], window: pl.DataFrame) -> set[str]:
    seen = {
        name: replace(column, independent=independence(window[name])) for name, column in read(profiled(window)).items()
    }
    return {item.what for item in compare(facts, seen, Floors(), level=LEVEL) if item.alarm}


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_year_without_drift_has_at_most_one_false_alarm(rho: float) -> None:
    chance = np.random.default_rng(28)
    facts = reference(draws(chance, 20_000, FEATURES, rho=rho))
    days = [alarmed(facts, frame(draws(chance, ROWS, FEATURES, rho=rho))) for _ in range(DAYS)]
    assert sum(bool(day) for day in days) <= 1


def test_shift_by_half_a_deviation_is_found_within_two_windows() -> None:
    """200 columns that shift, each among 50 comparisons, so that the correction is that of a wide table."""
    chance = np.random.default_rng(5)
    found = 0
    for _ in range(4):
        facts = reference(draws(chance, 20_000, FEATURES, rho=0.0))
        windows = [alarmed(facts, frame(draws(chance, ROWS, FEATURES, rho=0.0) + 0.5)) for _ in range(2)]
        found += len(windows[0] | windows[1])
    assert found >= 0.99 * 4 * FEATURES


def test_rows_that_lean_on_each_other_count_for_fewer() -> None:
    chance = np.random.default_rng(1)
    values = pl.Series(draws(chance, 5_000, 1, rho=0.8)[:, 0])
    assert independence(values) == pytest.approx(0.2 / 1.8, rel=0.25)
    assert independence(values.shuffle(seed=1)) > 0.9


def test_texts_and_gaps_in_bursts_count_for_fewer() -> None:
    texts = pl.Series(["a", "b"] * 500).sort()
    assert independence(texts) < 0.01
    assert independence(texts.shuffle(seed=1)) > 0.9
    gaps = pl.Series([None] * 100 + [1.0, 2.0] * 450)
    assert independence(gaps) < 0.02


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 100, [None] * 100, ["a"] * 100])
def test_rows_that_tell_nothing_of_order_count_in_full(values: list[Any]) -> None:
    assert independence(pl.Series(values, dtype=None if values else pl.Float64)) == 1.0
