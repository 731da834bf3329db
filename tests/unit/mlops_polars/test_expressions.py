from __future__ import annotations

import polars as pl
import pytest

from mlops.errors import StageError
from mlops_polars.expressions import compiled

SCHEMA = pl.Schema({"delay": pl.Int64(), "carrier": pl.String(), "day": pl.Datetime()})


def test_an_expression_is_true_or_false_for_each_row() -> None:
    frame = pl.DataFrame({"delay": [1, 20], "carrier": ["AA", "UA"], "day": [None, None]}, schema=SCHEMA)
    assert frame.filter(compiled("delay > 15", SCHEMA, key="where"))["carrier"].to_list() == ["UA"]


def test_an_unknown_column_is_named_with_its_neighbour() -> None:
    with pytest.raises(
        StageError, match=r"where uses the column 'carier'.*\n.*carier = 'AA'\n.*did you mean 'carrier'"
    ):
        compiled("carier = 'AA'", SCHEMA, key="where")


def test_broken_sql_is_shown() -> None:
    with pytest.raises(StageError, match=r"not an SQL expression.*\n.*where: delay >\n"):
        compiled("delay >", SCHEMA, key="where")


def test_an_expression_that_is_not_true_or_false_is_refused() -> None:
    with pytest.raises(StageError, match="gives Int64, not true or false"):
        compiled("delay + 1", SCHEMA, key="where")


def test_types_that_do_not_compare_are_refused_before_any_row_is_read() -> None:
    with pytest.raises(StageError, match="cannot compare string with numeric"):
        compiled("carrier = 1", SCHEMA, key="where")


def test_a_time_compared_with_text_is_told_the_way() -> None:
    with pytest.raises(StageError, match=r"fix: .*timestamp '2013-09-01 00:00:00'"):
        compiled("day > '2013-09-01'", SCHEMA, key="where")
