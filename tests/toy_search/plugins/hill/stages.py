"""A ground, and climbs over it that are judged by where they end."""

from __future__ import annotations

import os
import time
from typing import Annotated

from pydantic import Field

from mlops.errors import StageError
from mlops.formats import Roles, Table
from mlops.stage import Context, Part, Stage


def _note(context: Context, word: str) -> None:
    """Count what was really done, whoever did it."""
    with (context.place.root / "done.txt").open("a") as file:
        file.write(f"{word}\n")


class Slope(Part):
    """How steep it is."""

    offset: Annotated[float, Field(ge=0)] = 0.0
    """Added to every height."""


class Steep(Slope):
    """Steeper."""

    angle: Annotated[int, Field(ge=1, le=9)] = 1
    """Added too."""


class Ground(Stage):
    """Make a table."""

    rows: int = 3
    """How many rows."""

    def run(self, *, context: Context) -> Table:
        import polars as pl

        _note(context, "ground")
        return Table.create(context.output("table"), pl.DataFrame({"x": range(self.rows)}), roles=Roles())


class Climb(Stage):
    """Measure the height at x."""

    x: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Where."""

    slope: Slope = Slope()
    """What is climbed."""

    seconds: float = 0.0
    """How long it takes."""

    dies_above: float = 99.0
    """Where it fails."""

    killed_above: float = 99.0
    """Where the whole process dies."""

    def run(self, table: Table, *, context: Context) -> Table:
        import polars as pl

        if self.x > self.killed_above:
            os._exit(9)
        if self.x > self.dies_above:
            raise StageError("too high to climb", fix="stay below")
        height = (self.x - 2) ** 2 + self.slope.offset + getattr(self.slope, "angle", 0)
        for step in range(12):
            time.sleep(self.seconds / 12)
            context.metric("validation_loss", height + 12 - step, step=step)
        context.metric("validation_height", height)
        _note(context, "climb")
        frame = pl.DataFrame({"x": [self.x], "height": [height], "rows": [table.read().height]})
        return Table.create(context.output("table"), frame, roles=Roles())


class Tell(Stage):
    """Say what came of it."""

    def run(self, table: Table, *, context: Context) -> Table:
        context.metric("height", table.read()["height"][0])
        return Table.create(context.output("table"), table.read(), roles=Roles())
