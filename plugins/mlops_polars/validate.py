"""The stage that judges a table by a contract and sets bad rows aside."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from mlops.formats.table import Table
from mlops.formats.validation import Validation
from mlops.stage import Context, Stage
from mlops_polars.contract import Column, Freshness, Rows, Rule
from mlops_polars.fields import Severity

__all__ = ["Validate", "Validated"]


class Validated(NamedTuple):
    """The rows that may pass, and what was found."""

    table: Table
    validation: Validation


class Validate(Stage):
    """Hold a table to a contract: all broken rules are reported at once.

    fail stops the run; quarantine takes the rows out and keeps them in a file; warn records and goes on.
    """

    libraries: ClassVar[tuple[str, ...]] = ("polars",)

    severity: Severity = "fail"
    """What happens when a rule that says nothing of its own is broken."""

    columns: dict[str, Column] = Field(default_factory=dict)
    """Rules for single columns, by name."""

    extra_columns: Literal["allow", "warn", "fail"] = "allow"
    """What happens when the table has columns that `columns` does not list."""

    rules: tuple[Rule, ...] = ()
    """Conditions over several columns of a row."""

    unique: tuple[tuple[str, ...], ...] = ()
    """Sets of columns whose values together may occur once only."""

    unique_severity: Severity | None = None
    """What happens when a set of `unique` occurs twice; the first row is kept; `severity` when not given."""

    rows: Rows | None = None
    """How many rows there must be."""

    freshness: Freshness | None = None
    """How old the newest row may be."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        """Refuse two rules of one name, and empty sets of columns."""
        doubled = [name for name, count in Counter(rule.name for rule in self.rules).items() if count > 1]
        if doubled:
            raise ValueError(f"two rules are called {doubled[0]!r}; give each its own name")
        if not all(self.unique):
            raise ValueError("a set of `unique` must name at least one column")
        return self

    def volatile(self) -> str:
        """Say that freshness judged by the clock must be judged every time."""
        if self.freshness is not None and self.freshness.as_of is None:
            return "freshness is judged by the clock; set `freshness.as_of` to judge it by a fixed moment"
        return ""

    def run(self, table: Table, *, context: Context) -> Validated:
        """Judge the table."""
        from mlops_polars.judging import judge

        made, validation = judge(self, table, context=context)
        return Validated(made, validation)
