"""Which columns are features, of which kind, with which choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import polars as pl

from mlops.errors import StageError
from mlops.formats import Roles
from mlops_features.options import Categorical, Datetime, Kind, Numeric, Override

if TYPE_CHECKING:
    from mlops_features.features import Features

__all__ = ["RESERVED", "Column", "select"]

_MEANINGFUL: Mapping[Kind, frozenset[str]] = {
    "numeric": frozenset(Numeric.model_fields),
    "categorical": frozenset(Categorical.model_fields),
    "datetime": frozenset(Datetime.model_fields) | frozenset(Numeric.model_fields),
}
"""Kind of column → the choices that mean something for it; parts of a time are numbers."""

RESERVED = ("features", "scores", "label", "prediction")
"""Names that the shipped graph uses for its own values."""

_PREFIXES = ("features/", "model/", "bundle/")


@dataclass(frozen=True)
class Column:
    """One raw column that becomes features."""

    name: str
    kind: Kind
    dtype: pl.DataType
    choices: Override
    """Every choice made: the column's own, else its kind's."""


def select(stage: Features, schema: Mapping[str, pl.DataType], *, roles: Roles) -> tuple[Column, ...]:
    """List the feature columns, in the table's order.

    Raises:
        StageError: a column is named that is not there, has a role or a type that cannot be used.
    """
    known = tuple(schema)
    for key, names in (("columns", stage.columns or ()), ("drop", stage.drop), ("overrides", tuple(stage.overrides))):
        _refuse_unknown(key, names, known=known)
    taken = set(roles.all()) - ({roles.time} if stage.use_time else set())
    _refuse_roles((*(stage.columns or ()), *stage.overrides), taken)
    chosen = [name for name in (stage.columns or known) if name not in taken and name not in stage.drop]
    if not chosen:
        raise StageError("no column is left to learn from", fix="name some under features.columns, or drop fewer")
    order = {name: index for index, name in enumerate(known)}
    return tuple(_column(stage, name, schema[name]) for name in sorted(set(chosen), key=order.__getitem__))


def _refuse_unknown(key: str, names: Sequence[str], *, known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.6)
            fix = f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(known)}"
            raise StageError(f"there is no column {name!r}", where=f"features.{key}", fix=fix)


def _refuse_roles(names: Sequence[str], taken: set[str]) -> None:
    for name in names:
        if name in taken:
            raise StageError(
                f"the column {name!r} has a role, so it cannot be a feature", fix="change its role in data"
            )


def _column(stage: Features, name: str, dtype: pl.DataType) -> Column:
    if name in RESERVED or name.startswith(_PREFIXES):
        raise StageError(
            f"the column {name!r} has a name that the shipped graph uses itself",
            fix=f"rename it in the data section, or leave it out with features.drop: [{name}]",
        )
    own = stage.overrides.get(name, Override())
    kind = own.kind or _kind(name, dtype)
    if own.kind:
        _refuse_kind(name, dtype, kind=own.kind)
    _refuse_meaningless(name, own, kind=kind)
    group = {"numeric": stage.numeric, "categorical": stage.categorical, "datetime": stage.datetime}[kind]
    general = stage.numeric.model_dump() | group.model_dump()
    return Column(name, kind, dtype, Override(**(general | own.model_dump(exclude_none=True))))


def _kind(name: str, dtype: pl.DataType) -> Kind:
    if dtype.is_numeric() or dtype == pl.Boolean:
        return "numeric"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "categorical"
    if dtype in (pl.Date, pl.Datetime):
        return "datetime"
    raise StageError(
        f"the column {name!r} is {dtype}, which cannot become features",
        fix=f"leave it out with features.drop: [{name}], or declare another type for it in the data section",
    )


def _refuse_kind(name: str, dtype: pl.DataType, *, kind: Kind) -> None:
    categorical = not dtype.is_nested() and (dtype not in (pl.Date, pl.Datetime, pl.Duration, pl.Time, pl.Binary))
    fits = {
        "numeric": dtype.is_numeric() or dtype == pl.Boolean,
        "categorical": categorical,
        "datetime": dtype in (pl.Date, pl.Datetime),
    }
    if not fits[kind]:
        raise StageError(
            f"the column {name!r} is {dtype} and cannot be treated as {kind}",
            where=f"features.overrides.{name}.kind",
            fix="declare another type for it in the data section",
        )


def _refuse_meaningless(name: str, own: Override, *, kind: Kind) -> None:
    useless = sorted(own.model_fields_set - _MEANINGFUL[kind] - {"kind"})
    if useless:
        raise StageError(
            f"{useless[0]!r} means nothing for the {kind} column {name!r}",
            where=f"features.overrides.{name}.{useless[0]}",
            fix=f"for it there are {', '.join(sorted(_MEANINGFUL[kind]))}",
        )
