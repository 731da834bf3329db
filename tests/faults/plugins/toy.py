"""Stages and parts for trying out mistakes."""

from __future__ import annotations

from abc import abstractmethod
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlops.formats import Roles, Splits, Table
from mlops.stage import Context, Part, Stage


class Column(BaseModel):
    """What is said of one column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["text", "number"] = "text"
    """What it holds."""

    width: Annotated[int, Field(ge=1, le=80)] | None = None
    """How wide it is."""


class Look(BaseModel):
    """How it looks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    colour: Literal["red", "green", "blue"] = "red"
    """What it is painted with."""

    depth: int = 1
    """How deep it is."""


class Make(Stage):
    """Make a table."""

    rows: Annotated[int, Field(gt=0, le=1000)] = 3
    """How many rows."""

    kind: Literal["plain", "fancy"] = "plain"
    """What they are like."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Part of the whole."""

    fast: bool = False
    """Whether to hurry."""

    title: str = ""
    """What it is called."""

    day: date | None = None
    """When it was."""

    code: str | None = Field(default=None, pattern=r"^[A-Z]{2}\\d+$", examples=["AB12"])
    """Where it is kept."""

    names: tuple[str, ...] = ()
    """Who was there."""

    look: Look = Look()
    """How it looks."""

    columns: dict[str, Column] = {}
    """What is in it, by name."""

    rules: tuple[Column, ...] = ()
    """What is in it, in order."""

    size: int | str = 1
    """How large, as a number or a word."""

    options: dict[str, Any] = {}
    """Anything else."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.title.startswith("secret"):
            raise ValueError(f"the title {self.title!r} gives it away")
        if self.kind == "fancy" and not self.title:
            raise ValueError("a fancy table needs a `title`")
        return self

    def run(self, *, context: Context) -> Table:
        """Make it."""
        raise NotImplementedError


class Head(Stage):
    """Keep the first rows."""

    rows: Annotated[int, Field(ge=1)]
    """How many to keep."""

    def run(self, table: Table, *, context: Context) -> Table:
        """Keep them."""
        raise NotImplementedError


class Cut(Stage):
    """Divide a table."""

    def run(self, table: Table, *, context: Context) -> Splits:
        """Divide it."""
        raise NotImplementedError


class Pair(NamedTuple):
    """Two tables."""

    left: Table
    right: Table


class Twin(Stage):
    """Make two tables of one."""

    def run(self, table: Table, *, context: Context) -> Pair:
        """Make both."""
        raise NotImplementedError


class Count(Stage):
    """Count what is in the parts."""

    def run(self, splits: Splits, *, context: Context) -> Table:
        """Count it."""
        raise NotImplementedError


class Read(Stage):
    """Read a file."""

    path: str
    """Which file."""

    def sources(self) -> tuple[str, ...]:
        """Name it."""
        return (self.path,)

    def run(self, *, context: Context) -> Table:
        """Read it."""
        raise NotImplementedError


class Method(Part):
    """A way to fit."""

    @abstractmethod
    def fit(self) -> None:
        """Fit."""


class Line(Method):
    """A line."""

    slope: Annotated[float, Field(ge=0)] = 1.0
    """How steep it is."""

    def fit(self) -> None:
        """Fit."""


class Forest(Method):
    """Many trees."""

    trees: Annotated[int, Field(ge=1)]
    """How many."""

    def fit(self) -> None:
        """Fit."""


class Fit(Stage):
    """Fit a method."""

    method: Method
    """Which one."""

    more: tuple[Method, ...] = ()
    """Further ones."""

    def run(self, table: Table, *, context: Context) -> Table:
        """Fit it."""
        raise NotImplementedError


class Untyped(Stage):
    """A stage whose run says too little."""

    def run(self, table, *, context):
        """Do it."""


class Lost(Stage):
    """A stage without run."""


def helper() -> None:
    """Help."""


__all__ = ["Column", "Count", "Cut", "Fit", "Forest", "Head", "Line", "Look", "Lost", "Make", "Method", "Read", "Twin"]
roles = Roles()
