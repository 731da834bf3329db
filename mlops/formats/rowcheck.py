"""Rows to be predicted, held to what training saw and to the contract: what is wrong, imputed or clipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats.casting import ABSENT, Fault, Mask, any_of, cast
from mlops.formats.column_types import wanted
from mlops.formats.pictures import pixels
from mlops.formats.terms import Terms

if TYPE_CHECKING:
    from mlops.formats.features import Input

__all__ = ["BadValue", "Checked", "RowCheck", "frame_of", "refusal"]

_LISTED = 10
_SHOWN = 60


class BadValue(NamedTuple):
    """One value that cannot be used."""

    row: int
    """Number of the row, from 1."""

    column: str
    value: Any
    why: str

    def __str__(self) -> str:
        return f"row {self.row:,}, {self.sentence()}"

    def sentence(self) -> str:
        """Say what is wrong, without the row."""
        return f"column {self.column!r}: {_shown(self.value)} {self.why}"


def _shown(value: Any) -> str:
    if value is None or value is ABSENT:
        return "the value"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


@dataclass(frozen=True)
class Checked:
    """Rows in their training types, with null in the place of every value that is to be imputed or is bad."""

    frame: pl.DataFrame
    height: int
    given: Mapping[str, pl.Series]
    faults: Mapping[str, tuple[Fault, ...]]
    """Column → what is wrong with its values; columns without a fault are left out."""

    pictures: Mapping[str, np.ndarray[Any, np.dtype[np.float32]]] = field(default_factory=dict)
    """Pixels of the picture columns, (rows, width)."""

    @property
    def count(self) -> int:
        """How many values are bad."""
        return sum(int(fault.mask.sum()) for fault in chain.from_iterable(self.faults.values()))

    def bad_rows(self) -> Mask:
        """Which rows have a bad value."""
        return any_of(chain.from_iterable(self.faults.values()), self.height)

    def bad_values(self, *, first: int = 1) -> Iterator[BadValue]:
        """Yield bad values row by row; the first row has the number ``first``."""
        for place in np.flatnonzero(self.bad_rows()).tolist():
            for name, faults in self.faults.items():
                for why in (fault.why for fault in faults if fault.mask[place]):
                    yield BadValue(first + place, name, _value(self.given[name], place), why)


def _value(series: pl.Series, place: int) -> Any:
    value = series[place]
    return value.to_list() if isinstance(value, pl.Series) else value


def refusal(checked: Checked, *, first: int = 1, where: str = "") -> StageError:
    """Say which values are bad: the first few, and how many there are."""
    listed = list(islice(checked.bad_values(first=first), _LISTED))
    count, rows = checked.count, int(checked.bad_rows().sum())
    lines = [f"\n  - {item}" for item in listed]
    more = f"\n  … and {count - len(listed):,} more" if count > len(listed) else ""
    return StageError(
        f"{count:,} bad {'value' if count == 1 else 'values'} in {rows:,} of {checked.height:,} rows:"
        f"{''.join(lines)}{more}",
        where=where,
        fix="mend the rows, or say in the recipe what happens to such values: "
        f"validate.columns.{listed[0].column}.otherwise: impute or clip",
    )


class RowCheck:
    """The inputs of a bundle, ready to check frames; it changes nothing and may be shared by threads."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._columns = tuple((item, Terms(item)) for item in inputs)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The training types of the inputs."""
        return {item.name: terms.dtype for item, terms in self._columns}

    def check(self, frame: pl.DataFrame, *, text: bool = False) -> Checked:
        """Bring every input to its training type and look for values that cannot be used.

        Args:
            frame: rows as people give them; columns that are no input are ignored.
            text: whether text is a way of writing other types, as it is in CSV files.

        Raises:
            StageError: a column is missing, and the contract does not say to impute it.
        """
        self._refuse_missing(frame)
        made: dict[str, pl.Series] = {}
        faults: dict[str, tuple[Fault, ...]] = {}
        pictures = {}
        for item, terms in self._columns:
            if item.kind == "image":
                pictures[item.name], found = _pictures(item, frame[item.name])
            else:
                made[item.name], found = self._judged(terms, _given(frame, item.name), text=text)
            if found:
                faults[item.name] = found
        given = {item.name: _given(frame, item.name) for item, _ in self._columns} if faults else {}
        return Checked(pl.DataFrame(list(made.values())), frame.height, given, faults, pictures)

    def _judged(self, terms: Terms, series: pl.Series, *, text: bool) -> tuple[pl.Series, tuple[Fault, ...]]:
        made = cast(series, terms.dtype, text=text)
        faults = terms.judge(made)
        if not faults:
            return made.values, ()
        values = terms.mended(made.values, faults)
        return values, faults if terms.otherwise == "error" else ()

    def _refuse_missing(self, frame: pl.DataFrame) -> None:
        missing = [
            (item, terms) for item, terms in self._columns if item.name not in frame.columns and not terms.mends_missing
        ]
        if missing:
            raise StageError(
                "; ".join(_missing(item, terms, frame.columns) for item, terms in missing),
                fix=f"give rows with the columns {', '.join(item.name for item, _ in self._columns)}",
            )


def _missing(item: Input, terms: Terms, names: Sequence[str]) -> str:
    near = get_close_matches(item.name, names, n=1, cutoff=0.6)
    hint = f" (is it {near[0]!r}?)" if near else ""
    kind = "a picture" if item.kind == "image" else wanted(terms.dtype)
    return f"the column {item.name!r} ({kind}) is missing{hint}"


def _given(frame: pl.DataFrame, name: str) -> pl.Series:
    """A column as given; one that the contract allows to be missing is all null."""
    if name in frame.columns:
        return frame[name]
    return pl.Series(name, [None], dtype=pl.Null).new_from_index(0, frame.height)


def _pictures(item: Input, series: pl.Series) -> tuple[np.ndarray[Any, np.dtype[np.float32]], tuple[Fault, ...]]:
    """Pixels; a picture that cannot be used is black and a fault."""
    try:
        return pixels(series, item.shape), ()
    except StageError:
        made = np.zeros((len(series), item.width), dtype=np.float32)
    faults = []
    for place in range(len(series)):
        try:
            made[place] = pixels(series[place : place + 1], item.shape)[0]
        except StageError as exc:
            mask = np.zeros(len(series), dtype=bool)
            mask[place] = True
            faults.append(Fault(mask, exc.what.partition(f"column {item.name!r} ")[2] or exc.what))
    return made, tuple(faults)


def frame_of(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pl.DataFrame:
    """Lay rows of JSON values out as columns, without changing a value; mixed types become a column of objects.

    A key that no row has makes no column; one that only some rows lack is marked in those.
    """
    columns = []
    for name in names:
        values = [row.get(name, ABSENT) for row in rows]
        if any(value is not ABSENT for value in values):
            columns.append(_column(name, values))
    return pl.DataFrame(columns)


def _column(name: str, values: list[Any]) -> pl.Series:
    # Polars would take True among numbers for 1, and a large whole number among floats for one near it.
    if len({type(value) for value in values if value is not None}) > 1:
        return pl.Series(name, values, dtype=pl.Object)
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, values, dtype=pl.Object)
