from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from mlops.services.moments import moments

NOON = datetime(2024, 2, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2024-02-01T12:00:00",
        "2024-02-01 12:00:00",
        "2024-02-01T12:00",
        "2024-02-01T12:00:00.000Z",
        "2024-02-01T14:00:00+02:00",
        "2024-02-01T07:00-05:00",
        NOON,
        NOON.replace(tzinfo=None),
        NOON.timestamp(),
        int(NOON.timestamp()),
    ],
)
def test_moment_is_the_same_however_it_is_written(written: Any) -> None:
    assert moments(pl.Series([written, None])).to_list() == [NOON, None]


def test_texts_of_several_kinds_are_read_one_by_one() -> None:
    found = moments(pl.Series(["2024-02-01T12:00:00Z", "2024-02-01T12:00:00", "soon", "2024-02-01"])).to_list()
    assert found == [NOON, NOON, None, NOON.replace(hour=0)]


def test_date_is_its_first_moment() -> None:
    assert moments(pl.Series([date(2024, 2, 1)])).to_list() == [NOON.replace(hour=0)]


@pytest.mark.parametrize("values", [[True], [None], [["a"]]])
def test_what_is_no_time_is_none(values: list[Any]) -> None:
    assert moments(pl.Series(values)).to_list() == [None]
