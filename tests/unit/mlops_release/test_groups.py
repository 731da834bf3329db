from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from mlops_release.groups import groups_of

FRAME = pl.DataFrame(
    {
        "text": ["b", "a", None, "a"] * 30,
        "flag": [True, False] * 60,
        "number": range(120),
        "few": [1, 2, 3] * 40,
        "odd": [None, float("inf"), *range(118)],
        "day": [date(2024, 1, 1) + timedelta(days=place) for place in range(120)],
    },
    strict=False,
)


def groups(*columns: str, bins: int = 4) -> dict[str, int]:
    return {group.name: group.size for group in groups_of(FRAME, columns, bins=bins)}


def test_texts_group_by_value_and_missing_ones_together() -> None:
    assert groups("text") == {"text=(missing)": 30, "text=a": 60, "text=b": 30}


def test_a_few_numbers_group_by_value() -> None:
    assert groups("few") == {"few=1": 40, "few=2": 40, "few=3": 40}


def test_many_numbers_are_cut_into_ranges_of_equal_size() -> None:
    assert groups("number") == {
        "number=29 to 59": 30,
        "number=59 to 89": 30,
        "number=below 29": 29,
        "number=from 89": 31,
    }


def test_times_are_cut_and_named_by_their_own_values() -> None:
    assert set(groups("day", bins=2)) == {"day=below 2024-02-29", "day=from 2024-02-29"}


def test_missing_and_endless_numbers_are_no_trouble() -> None:
    assert groups("odd", bins=2)["odd=(missing)"] == 1
    assert sum(groups("odd", bins=2).values()) == 120


def test_columns_make_combinations() -> None:
    assert groups("flag", "few")["flag=true, few=1"] == 20


@pytest.mark.parametrize("column", FRAME.columns)
def test_every_row_is_in_one_group(column: str) -> None:
    rows = np.concatenate([group.rows for group in groups_of(FRAME, (column,), bins=3)])
    assert sorted(rows.tolist()) == list(range(120))
