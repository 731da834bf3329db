"""Which columns are features, of which kind, with which choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from mlops.errors import StageError
from mlops.formats import Roles
from mlops_features.image_options import Image
from mlops_features.options import Categorical, Datetime, Kind, Numeric, Override
from mlops_features.selectors import is_pattern, matching
from mlops_features.text_options import Text

if TYPE_CHECKING:
    from mlops_features.features import Features

__all__ = ["RESERVED", "Column", "kind_of", "select"]

_MEANINGFUL: Mapping[Kind, frozenset[str]] = {
    "numeric": frozenset(Numeric.model_fields),
    "categorical": frozenset(Categorical.model_fields),
    "datetime": frozenset(Datetime.model_fields) | frozenset(Numeric.model_fields),
    "text": frozenset(),
    "image": frozenset(),
}
"""Kind of column → the choices that mean something for it; parts of a time are numbers."""

_NEEDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "buckets": ("encode", ("hash",)),
    "smoothing": ("encode", ("target",)),
    "folds": ("encode", ("target",)),
    "min_frequency": ("encode", ("ordinal", "onehot")),
    "max_categories": ("encode", ("ordinal", "onehot")),
    "quantiles": ("scale", ("quantile", "normal")),
}
"""A column's own choice → the other choice, and its values, without which it means nothing."""

RESERVED = ("features", "scores", "label", "prediction")
"""Names that the shipped graph uses for its own values."""

Fits = Mapping[str, frozenset[str]]
"""Key of an override → the columns that it is for."""

_TEXT = "text.columns"

_PREFIXES = ("features/", "model/", "bundle/")

_PREPARED = ("__row__", "__target__", "__weight__")
_BINS = "__bin__"
"""Names of the prepared rows, and how names begin that are used on the way to them."""


@dataclass(frozen=True)
class Column:
    """One raw column that becomes features."""

    name: str
    kind: Kind
    dtype: pl.DataType
    choices: Override
    """Every choice made: the column's own, else its kind's."""

    block: Image | Text | None = None
    """Choices for a picture or a text, which become a block of features."""


def select(stage: Features, schema: Mapping[str, pl.DataType], *, roles: Roles) -> tuple[Column, ...]:
    """List the feature columns, in the table's order.

    Raises:
        StageError: a column is named that is not there, has a role or a type that cannot be used.
    """
    taken = set(roles.all()) - ({roles.time} if stage.use_time else set())
    named = {key: _named(key, tuple(wanted), schema) for key, wanted in _wanted(stage).items()}
    exact = [
        key for key in (*(stage.columns or ()), *stage.overrides, *stage.text.columns) if not is_pattern(key, schema)
    ]
    _refuse_roles(exact, taken)
    wanted = named["columns"] if stage.columns is not None else tuple(schema)
    chosen = {name for name in wanted if name not in taken and name not in named["drop"]}
    if not chosen:
        raise StageError("no column is left to learn from", fix="name some under features.columns, or drop fewer")
    fits = {key: frozenset(matching(key, schema, where="features.overrides")) for key in stage.overrides}
    fits[_TEXT] = frozenset(named[_TEXT])
    return tuple(_column(stage, name, schema[name], fits=fits) for name in schema if name in chosen)


def _wanted(stage: Features) -> dict[str, Iterable[str]]:
    return {"columns": stage.columns or (), "drop": stage.drop, "overrides": stage.overrides, _TEXT: stage.text.columns}


def _named(key: str, wanted: Sequence[str], schema: Mapping[str, pl.DataType]) -> tuple[str, ...]:
    return tuple(name for item in wanted for name in matching(item, schema, where=f"features.{key}"))


def _refuse_roles(names: Sequence[str], taken: set[str]) -> None:
    for name in names:
        if name in taken:
            raise StageError(
                f"the column {name!r} has a role, so it cannot be a feature", fix="change its role in data"
            )


def _column(stage: Features, name: str, dtype: pl.DataType, *, fits: Fits) -> Column:
    _refuse_name(name)
    own = _own(stage, name, fits)
    kind = own.kind or ("text" if name in fits[_TEXT] else kind_of(name, dtype))
    if own.kind or kind == "text":
        _refuse_kind(name, dtype, kind=kind)
    _refuse_meaningless(name, own, kind=kind)
    blocks: Mapping[Kind, Image | Text] = {"text": stage.text, "image": stage.image}
    if block := blocks.get(kind):
        return Column(name, kind, dtype, Override(), block)
    group = {"numeric": stage.numeric, "categorical": stage.categorical, "datetime": stage.datetime}[kind]
    general = stage.numeric.model_dump() | group.model_dump()
    if own.scale and own.bins is None:
        general["bins"] = 0
    choices = Override(**(general | own.model_dump(exclude_none=True)))
    _refuse_pointless(name, own, choices)
    return Column(name, kind, dtype, choices)


def _refuse_name(name: str) -> None:
    """Refuse a name that cannot be told from one of our own, or that Polars reads as several columns."""
    why = ""
    if name in RESERVED or name.startswith(_PREFIXES):
        why = "has a name that the shipped graph uses itself"
    elif name in _PREPARED or name.startswith(_BINS):
        why = "has a name that prepared rows use themselves"
    elif name in ("", "*") or (name.startswith("^") and name.endswith("$")):
        why = "has a name that stands for no single column"
    if why:
        fix = f"rename it in the data section, or leave it out with features.drop: [{name!r}]"
        raise StageError(f"the column {name!r} {why}", fix=fix)


def _own(stage: Features, name: str, fits: Fits) -> Override:
    """Join the overrides that fit a column: patterns as written, and above them its own name."""
    fitting = sorted((key for key in stage.overrides if name in fits[key]), key=name.__eq__)
    said: dict[str, Any] = {}
    for key in fitting:
        said |= stage.overrides[key].model_dump(exclude_none=True)
    return Override(**said)


def _refuse_pointless(name: str, own: Override, choices: Override) -> None:
    """Refuse a choice of the column's own that another choice makes void."""
    for option in sorted(own.model_fields_set & set(_NEEDS)):
        other, values = _NEEDS[option]
        if getattr(choices, other) not in values:
            raise StageError(
                f"{option!r} means nothing for the column {name!r} without {other}: {' or '.join(values)}",
                where=f"features.overrides.{name}.{option}",
                fix=f"say {other}: {values[0]} for it too, or take {option!r} away",
            )
    if own.bins and (own.scale or "none") != "none":
        raise StageError(
            f"the column {name!r} cannot be both scaled and put into bins",
            where=f"features.overrides.{name}",
            fix="take scale or bins away",
        )
    for option in ("binning", "binned"):
        if option in own.model_fields_set and not choices.bins:
            raise StageError(
                f"{option!r} means nothing for the column {name!r} without bins",
                where=f"features.overrides.{name}.{option}",
                fix="say how many bins: bins: 10",
            )


def kind_of(name: str, dtype: pl.DataType) -> Kind:
    """Tell what a column is by its type.

    Raises:
        StageError: no feature can be made from its type.
    """
    if dtype.is_numeric() or dtype == pl.Boolean:
        return "numeric"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "categorical"
    if dtype in (pl.Date, pl.Datetime):
        return "datetime"
    if dtype == pl.Binary or _holds_numbers(dtype):
        return "image"
    raise StageError(
        f"the column {name!r} is {dtype}, which cannot become features",
        fix=f"leave it out with features.drop: [{name}], or declare another type for it in the data section",
    )


def _holds_numbers(dtype: pl.DataType) -> bool:
    """Tell lists of numbers, nested or not."""
    inner: Any = dtype
    while isinstance(inner, pl.List | pl.Array):
        inner = inner.inner
    return dtype.is_nested() and inner.is_numeric()


def _refuse_kind(name: str, dtype: pl.DataType, *, kind: Kind) -> None:
    categorical = not dtype.is_nested() and (dtype not in (pl.Date, pl.Datetime, pl.Duration, pl.Time, pl.Binary))
    fits = {
        "numeric": dtype.is_numeric() or dtype == pl.Boolean,
        "categorical": categorical,
        "datetime": dtype in (pl.Date, pl.Datetime),
        "text": dtype in (pl.String, pl.Categorical, pl.Enum),
        "image": dtype in (pl.Binary, pl.String) or _holds_numbers(dtype),
    }
    if not fits[kind]:
        raise StageError(
            f"the column {name!r} is {dtype} and cannot be treated as {kind}",
            where="features.text.columns" if kind == "text" else f"features.overrides.{name}.kind",
            fix="declare another type for it in the data section",
        )


def _refuse_meaningless(name: str, own: Override, *, kind: Kind) -> None:
    useless = sorted(own.model_fields_set - _MEANINGFUL[kind] - {"kind"})
    if useless:
        raise StageError(
            f"{useless[0]!r} means nothing for the {kind} column {name!r}",
            where=f"features.overrides.{name}.{useless[0]}",
            fix=f"for it there are {', '.join(sorted(_MEANINGFUL[kind])) or f'the choices under features.{kind}'}",
        )
