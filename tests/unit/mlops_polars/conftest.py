"""A folder of small real tables and one-line ways to run the stages on them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mlops.formats.splits import Splits
from mlops.formats.table import Roles, Table
from mlops.testing import make_context
from mlops_polars.data import Data
from mlops_polars.split import Split
from mlops_polars.validate import Validate, Validated

Read = Callable[..., Table]
Judge = Callable[..., Validated]
Divide = Callable[..., Splits]


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[[], Path]:
    """Give a new work folder at each call."""
    counter = itertools.count()
    return lambda: tmp_path / f"work{next(counter)}"


@pytest.fixture
def read(make_folder: Callable[[], Path]) -> Read:
    """Run a ``data`` section."""
    return lambda **section: Data.model_validate(section).run(context=make_context(make_folder())).table


@pytest.fixture
def table(make_folder: Callable[[], Path]) -> Callable[..., Table]:
    """Make a table artifact from columns."""

    def make(columns: Mapping[str, Any] | pl.DataFrame, **roles: Any) -> Table:
        folder = make_folder()
        folder.mkdir()
        return Table.create(folder, pl.DataFrame(columns), roles=Roles(**roles))

    return make


@pytest.fixture
def judge(make_folder: Callable[[], Path], table: Callable[..., Table]) -> Judge:
    """Run a ``validate`` section on columns."""

    def run(rows: Mapping[str, Any] | pl.DataFrame, /, **section: Any) -> Validated:
        return Validate.model_validate(section).run(table(rows), context=make_context(make_folder()))

    return run


@pytest.fixture
def divide(make_folder: Callable[[], Path], table: Callable[..., Table]) -> Divide:
    """Run a ``split`` section on columns."""

    def run(rows: Mapping[str, Any] | pl.DataFrame, /, *, seed: int = 0, roles: Any = None, **section: Any) -> Splits:
        made = table(rows, **(roles or {}))
        return Split.model_validate(section).run(made, context=make_context(make_folder(), seed=seed))

    return run
