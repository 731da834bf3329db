"""Columns of a history as they are given at prediction, brought to the types they had in training."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from mlops.errors import StageError
from mlops.formats.casting import cast
from mlops.formats.column_types import named

__all__ = ["as_trained"]


def as_trained(rows: pl.DataFrame, types: Mapping[str, str], *, whose: str) -> pl.DataFrame:
    """Convert the columns whose type is not the one of training; columns that are not there stay away.

    Text becomes a number or, in ISO 8601, a time; a time without a zone is in UTC.

    Raises:
        StageError: a value has no equal in the type of training.
    """
    other = [name for name, text in types.items() if name in rows.columns and str(rows.schema[name]) != text]
    return rows.with_columns(_converted(rows[name], types[name], whose=whose) for name in other)


def _converted(values: pl.Series, text: str, *, whose: str) -> pl.Series:
    made = cast(values, named(text), text=True)
    if made.faults:
        fault = made.faults[0]
        place = int(fault.mask.argmax())
        raise StageError(
            f"the column {values.name!r} of {whose} was {text} in training, and now row {place + 1} {fault.why}: "
            f"{values[place]!r}",
            fix="give it as it was in training",
        )
    return made.values
