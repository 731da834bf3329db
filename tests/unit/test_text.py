from __future__ import annotations

import pytest

from mlops.text import duration, size, table


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (0.0123, "12 ms"), (3.44, "3.4 s"), (125, "2 min 5 s"), (7260, "2 h 1 min")],
)
def test_durations_are_told_in_the_unit_that_fits(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(12, "12 B"), (2048, "2.0 KiB"), (5 * 2**20, "5.0 MiB"), (2**31, "2.0 GiB")]
)
def test_sizes_are_told_in_the_unit_that_fits(count: int, words: str) -> None:
    assert size(count) == words


def test_columns_are_aligned_and_the_last_is_left_alone() -> None:
    assert table(("a", "b"), [("long", "x"), ("s", "a long one")]) == "a     b\nlong  x\ns     a long one"
