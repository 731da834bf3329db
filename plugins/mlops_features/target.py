"""The target as the model sees it: class numbers or values, with row weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from mlops.errors import StageError
from mlops.formats import Roles
from mlops.formats.splits import PARTS, PartName
from mlops.formats.table import Task

__all__ = ["Target", "target_of"]

Label = str | int | float | bool
Parts = Mapping[PartName, pl.DataFrame]


@dataclass(frozen=True)
class Target:
    """What is predicted."""

    column: str
    task: Task
    classes: tuple[Label, ...]
    weight: str | None

    def prepare(self, frame: pl.DataFrame) -> list[pl.Series]:
        """Make the columns of `expressions` for some rows."""
        return frame.select(self.expressions(frame.schema)).get_columns()

    def expressions(self, schema: Mapping[str, pl.DataType]) -> list[pl.Expr]:
        """Make ``__target__`` (int64 class number, or float64 value) and ``__weight__`` when rows are weighed."""
        if self.classes:
            labels = pl.col(self.column).cast(_label_type(schema[self.column]))
            # As an expression of Polars, this would keep all rows in memory.
            values = labels.map_batches(self._numbers, return_dtype=pl.Int64, is_elementwise=True)
        else:
            values = pl.col(self.column).cast(pl.Float64)
        made = [values.alias("__target__")]
        if self.weight:
            made.append(pl.col(self.weight).cast(pl.Float64).alias("__weight__"))
        return made

    def _numbers(self, labels: pl.Series) -> pl.Series:
        return labels.replace_strict(list(self.classes), range(len(self.classes)), return_dtype=pl.Int64)


def target_of(parts: Parts, roles: Roles, *, positive: Label | None) -> Target:
    """Learn the classes from the train rows and see that the target can be used in every part.

    Raises:
        StageError: no target or task, null targets, too few or too many classes, a class that
            training never saw, bad weights.
    """
    if roles.target is None or roles.task is None:
        missing = "target" if roles.target is None else "task"
        raise StageError(f"the data has no {missing}", fix=f"say data.{missing} in the recipe")
    for part in PARTS:
        _check_rows(parts[part], part, roles=roles)
    if roles.task == "regression":
        _refuse_text(parts["train"], roles.target)
        return Target(roles.target, roles.task, (), roles.weight)
    classes = _classes(parts["train"][roles.target], roles, positive=positive)
    _refuse_new(parts, roles.target, classes=classes)
    return Target(roles.target, roles.task, classes, roles.weight)


def _check_rows(frame: pl.DataFrame, part: PartName, *, roles: Roles) -> None:
    target = str(roles.target)
    if part == "train" and not frame.height:
        raise StageError("the train part has no rows", fix="make the validation and test parts smaller")
    bad = frame[target].null_count()
    if frame.schema[target].is_float():
        bad += int(frame[target].drop_nulls().is_finite().not_().sum())
    if bad:
        raise StageError(
            f"the target {target!r} is missing in {bad:,} rows of the {part} part",
            fix=f"keep only labelled rows in the data section, such as filter: {target} IS NOT NULL",
        )
    if roles.weight:
        weight = frame[roles.weight].cast(pl.Float64)
        if weight.null_count() or not weight.is_finite().all() or (weight < 0).any():
            raise StageError(f"the weight {roles.weight!r} is missing or negative in rows of the {part} part")


def _refuse_text(frame: pl.DataFrame, target: str) -> None:
    if not frame.schema[target].is_numeric():
        raise StageError(
            f"the target {target!r} is {frame.schema[target]}, but regression predicts numbers",
            fix="say task: binary or task: multiclass in the data section",
        )


def _labels(column: pl.Series) -> pl.Series:
    """Bring labels into one of three types: text, whole number, true/false."""
    return column.cast(_label_type(column.dtype))


def _label_type(dtype: pl.DataType) -> pl.DataType:
    if dtype in (pl.Categorical, pl.Enum):
        return pl.String()
    return pl.Int64() if dtype.is_numeric() else dtype


def _classes(column: pl.Series, roles: Roles, *, positive: Label | None) -> tuple[Label, ...]:
    usable = column.dtype.is_numeric() or column.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Boolean)
    whole = not column.dtype.is_float() or bool((column == column.floor()).all())
    if not usable or not whole:
        raise StageError(f"the target {column.name!r} has no classes but values", fix="say task: regression in data")
    classes: list[Label] = _labels(column).unique().sort().to_list()
    shown = ", ".join(repr(name) for name in classes[:10])
    if len(classes) < 2:  # noqa: PLR2004 - there is nothing to tell apart
        raise StageError(f"every train row has the target {shown}: there is nothing to learn")
    if roles.task == "binary" and len(classes) > 2:  # noqa: PLR2004 - binary
        raise StageError(f"the task is binary, but train rows have the targets {shown}", fix="say task: multiclass")
    return tuple(classes) if positive is None else _last(classes, positive, roles=roles)


def _last(classes: list[Label], positive: Label, *, roles: Roles) -> tuple[Label, ...]:
    """Put the positive class last."""
    found = [name for name in classes if name == positive and isinstance(name, bool) == isinstance(positive, bool)]
    if not found or roles.task != "binary":
        why = f"there is no label {positive!r}" if not found else "only a binary target has a positive class"
        names = " or ".join(repr(name) for name in classes[:10])
        raise StageError(why, where="features.positive", fix=f"labels are {names} (quote text in YAML)")
    return (*(name for name in classes if name is not found[0]), found[0])


def _refuse_new(parts: Parts, target: str, *, classes: tuple[Label, ...]) -> None:
    for part in PARTS[1:]:
        new = sorted(set(_labels(parts[part][target]).unique().to_list()) - set(classes), key=str)
        if new:
            names = ", ".join(repr(name) for name in new[:10])
            raise StageError(
                f"rows of the {part} part have a target that no train row has: {names}",
                fix="split by stratified sampling, or take rare classes out in the data section",
            )
