"""The stage that divides a table into parts for training, validation and test."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from mlops.formats.splits import Splits
from mlops.formats.table import Table
from mlops.stage import Context, Stage
from mlops_polars.fields import Duration, Moment, Share

__all__ = ["Leaks", "Split"]

LeakSeverity = Literal["fail", "warn", "off"]

_BELONGS = {
    "by": ("stratified",),
    "group": ("group",),
    "time": ("time",),
    "validation_from": ("time",),
    "test_from": ("time",),
    "gap": ("time",),
}


class Leaks(BaseModel):
    """What happens when parts share what they must not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    duplicates: LeakSeverity = "warn"
    """Rows equal in all columns but the id columns that lie in different parts."""

    group: LeakSeverity = "fail"
    """Values of the group column that occur in more than one part."""

    time: LeakSeverity = "fail"
    """Rows of an earlier part that are as late as a later part's first row (method time)."""


class Split(Stage):
    """Divide a table into train, validation and test rows."""

    libraries: ClassVar[tuple[str, ...]] = ("polars", "numpy")

    method: Literal["random", "stratified", "group", "time"] = "random"
    """How rows are dealt out: by chance, by chance within each class, whole groups by chance, or in order of time."""

    test: Share | None = None
    """Share of rows held out for the final evaluation; 0.2 when not given."""

    validation: Share | None = None
    """Share of rows for early stopping and choices; 0.2 when not given."""

    by: str | None = None
    """Column whose shares stay equal in every part (method stratified); the target when not given."""

    group: str | None = None
    """Column whose equal values stay together (method group); the table's group column when not given."""

    time: str | None = None
    """Column that orders the rows (method time); the table's time column when not given."""

    validation_from: Moment | None = None
    """First moment of the validation part (method time), instead of shares; ISO date or datetime."""

    test_from: Moment | None = None
    """First moment of the test part (method time), instead of shares."""

    gap: Duration | None = None
    """Time left out before validation and before test (method time), such as 7d."""

    leaks: Leaks = Leaks()
    """What happens when parts share what they must not."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Refuse keys that another method owns, and shares and moments that leave nothing."""
        for key, methods in _BELONGS.items():
            if getattr(self, key) is not None and self.method not in methods:
                raise ValueError(f"`{key}` is for method {methods[0]}, and the method is {self.method}")
        if (self.validation_from is None) != (self.test_from is None):
            raise ValueError("give both `validation_from` and `test_from`, or neither")
        self._check_moments()
        if self.test_share + self.validation_share >= 1:
            raise ValueError("`test` and `validation` together leave no rows to train on")
        return self

    def _check_moments(self) -> None:
        if self.validation_from is None or self.test_from is None:
            return
        if self.test is not None or self.validation is not None:
            raise ValueError("give shares (`test`, `validation`) or moments (`validation_from`, `test_from`), not both")
        first, second = (datetime.fromisoformat(text) for text in (self.validation_from, self.test_from))
        if (first.tzinfo is None) != (second.tzinfo is None):
            raise ValueError("`validation_from` and `test_from` must be both with a zone or both without")
        if first >= second:
            raise ValueError("`validation_from` must be before `test_from`")

    @property
    def test_share(self) -> float:
        """Share of test rows (0 to 1)."""
        return 0.2 if self.test is None else self.test

    @property
    def validation_share(self) -> float:
        """Share of validation rows (0 to 1)."""
        return 0.2 if self.validation is None else self.validation

    def run(self, table: Table, *, context: Context) -> Splits:
        """Divide the table."""
        from mlops_polars.dividing import divide

        return divide(self, table, context=context)
