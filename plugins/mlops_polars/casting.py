"""Declared types: convert columns, and name every value that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from mlops.errors import StageError
from mlops_polars.dtypes import conversion, is_safe, name_of, type_named
from mlops_polars.fields import TypeName

__all__ = ["casted"]

_ROW = "__row__"


@dataclass(frozen=True)
class _Cast:
    name: str
    source: pl.DataType
    word: TypeName
    converted: pl.Expr

    @property
    def bad(self) -> pl.Expr:
        """Rows with a value that has no equal in the declared type."""
        return pl.col(self.name).is_not_null() & self.converted.is_null()


def casted(frame: pl.LazyFrame, types: Mapping[str, TypeName]) -> pl.LazyFrame:
    """Convert the columns that have a declared type.

    Conversions that can fail are tried first, in one pass that reads only their columns.

    Raises:
        StageError: values do not fit; every such column is named with its first bad value and row.
    """
    schema = frame.collect_schema()
    casts = [_cast(name, schema[name], word) for name, word in types.items()]
    _check(frame, [cast for cast in casts if not is_safe(cast.source, type_named(cast.word))])
    return frame.with_columns(cast.converted.alias(cast.name) for cast in casts)


def _cast(name: str, source: pl.DataType, word: TypeName) -> _Cast:
    converted = conversion(pl.col(name), source, type_named(word))
    if converted is None:
        raise StageError(
            f"column {name!r} is {name_of(source) or source} and cannot be read as {word}",
            fix=f"change `types.{name}`, or convert it where the data is made",
        )
    return _Cast(name, source, word, converted)


def _check(frame: pl.LazyFrame, casts: list[_Cast]) -> None:
    if not casts:
        return
    answers = [
        answer
        for index, cast in enumerate(casts)
        for answer in (
            cast.bad.sum().alias(f"count{index}"),
            pl.col(_ROW).filter(cast.bad).first().alias(f"row{index}"),
            pl.col(cast.name).filter(cast.bad).first().alias(f"value{index}"),
        )
    ]
    facts = frame.with_row_index(_ROW, offset=1).select(answers).collect(engine="streaming").row(0, named=True)
    broken = [
        f"column {cast.name!r} has {facts[f'count{index}']:,} {_values(facts[f'count{index}'])} no {cast.word}; "
        f"the first is {facts[f'value{index}']!r} in row {facts[f'row{index}']:,}"
        for index, cast in enumerate(casts)
        if facts[f"count{index}"]
    ]
    if broken:
        raise StageError(
            "\n  ".join(broken), fix="change `types`, mend the data, or name the text in `csv.null_values`"
        )


def _values(count: int) -> str:
    return "value that is" if count == 1 else "values that are"
