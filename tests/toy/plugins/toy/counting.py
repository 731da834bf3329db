"""Stages that make a table from nothing, for tests of the engine."""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field

from mlops.formats import Roles, Table
from mlops.stage import Context, Stage


class Count(Stage):
    """Make a table of the first numbers."""

    rows: Annotated[int, Field(gt=0)] = 5
    """How many numbers."""

    seconds: float = 0.0
    """How long to dawdle."""

    def run(self, *, context: Context) -> Table:
        import polars as pl

        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            context.progress(deadline - time.monotonic(), self.seconds, "dawdling")
            time.sleep(0.01)
        return Table.create(context.output("table"), pl.DataFrame({"x": range(self.rows)}), roles=Roles())


class Ask(Stage):
    """Read what cannot be fingerprinted."""

    rows: int = 2
    """How many rows come back."""

    def volatile(self) -> str:
        return "a database cannot be fingerprinted"

    def run(self, *, context: Context) -> Table:
        import polars as pl

        return Table.create(context.output("table"), pl.DataFrame({"x": range(self.rows)}), roles=Roles())
