"""What a contract says of single columns, for rows that will be predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.formats.expectation import Expectation
from mlops.formats.table import Table

if TYPE_CHECKING:
    from mlops_polars.validate import Validate

__all__ = ["expected"]

_KEYS = ("nullable", "allowed", "regex", "min", "max", "otherwise")


def expected(contract: Validate, table: Table) -> dict[str, Expectation]:
    """Give the expectation of each column that has rules; a column that only warns has none.

    What was expected of the table before stays where this contract says nothing.
    """
    made = dict(table.roles.expected)
    for name, column in contract.columns.items():
        if name not in table.columns or (column.severity or contract.severity) == "warn":
            continue
        found = Expectation(**{key: getattr(column, key) for key in _KEYS})
        if found != Expectation():
            made[name] = found
    return made
