"""Stages on small tables, for tests of the engine."""

from __future__ import annotations

import time
from typing import Literal, NamedTuple

from mlops.errors import StageError
from mlops.formats import Roles, Table, Validation
from mlops.stage import Context, Stage
from toy.arithmetic import scaled


class Both(NamedTuple):
    """Two outputs."""

    table: Table
    validation: Validation


class Read(Stage):
    """Read a CSV file."""

    path: str
    """The file."""

    def sources(self) -> tuple[str, ...]:
        return (self.path,)

    def run(self, *, context: Context) -> Table:
        import polars as pl

        (found,) = context.find(self.path)
        return Table.create(context.output("table"), pl.read_csv(found), roles=Roles())


class Scale(Stage):
    """Multiply every number."""

    factor: float = 1.0
    """By how much."""

    note: str = ""
    """Kept nowhere; changes the key alone."""

    seconds: float = 0.0
    """How long to dawdle."""

    def run(self, table: Table, *, context: Context) -> Table:
        frame = scaled(table.read(), self.factor)
        time.sleep(self.seconds)
        context.metric("sum", float(frame["x"].sum()))
        return Table.create(context.output("table"), frame, roles=table.roles)


class Check(Stage):
    """Pass a table on, with a report; or refuse it."""

    refuse: bool = False
    """Whether to refuse."""

    crash: Literal["", "error", "interrupt"] = ""
    """How to break."""

    secret: str = ""
    """Something not to be told."""

    def run(self, table: Table, *, context: Context) -> Both:
        if self.refuse:
            raise StageError(f"the table was refused, {self.secret}", fix="set refuse: false")
        if self.crash == "error":
            raise ZeroDivisionError(self.secret)
        if self.crash == "interrupt":
            raise KeyboardInterrupt
        context.log.warning("looked at %s with %s", table.rows, self.secret)
        validation = Validation.create(context.output("validation"), [], rows=table.rows, quarantine=None)
        return Both(Table.create(context.output("table"), table.read(), roles=table.roles), validation)
