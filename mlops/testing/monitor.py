"""The contract of every monitor; subclass `MonitorContract` in a test module to check your own. Needs pytest."""

from __future__ import annotations

import inspect
import json
from abc import ABC, abstractmethod
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from mlops.describe import fields, one_line
from mlops.services.monitor import Monitor, Watched
from mlops.stage import Place
from mlops.testing.watched import make_reference, make_rows, make_subject

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MonitorContract"]

_HEAVY = ("polars", "numpy", "pandas", "whylogs", "scipy", "sklearn", "matplotlib")


class MonitorContract(ABC):
    """What the engine relies on. pytest collects the tests of a subclass called ``Test…``.

    Example:
        class TestMine(MonitorContract):
            def monitor(self): return Mine(window=86400)
    """

    finds_drift: ClassVar[bool] = True
    """Whether it compares columns with the reference, a day at a time."""

    @abstractmethod
    def monitor(self) -> Monitor:
        """Make the monitor under test; one that cuts windows cuts days."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        """An empty project."""
        return Place(tmp_path, tmp_path / ".mlops", "contract")

    def looked(self, place: Place, rows: pl.DataFrame) -> Watched:
        """Look once, at rows of the model that `make_reference` describes."""
        folder = place.root / "profile"
        reference = make_reference(folder / str(len(list(folder.glob("*")))))
        return self.monitor().look(make_subject(rows, reference), place)

    def test_nothing_asked_gives_no_window(self, place: Place) -> None:
        """And is no error."""
        assert self.looked(place, make_rows(1).clear()).windows == ()

    def test_every_row_is_in_one_window(self, place: Place) -> None:
        """Windows are in order and do not overlap."""
        windows = self.looked(place, make_rows(3)).windows
        assert sum(window.rows for window in windows) == 3 * 400
        assert all(window.start < window.end for window in windows)
        assert all(one.end <= other.start for one, other in pairwise(windows))

    def test_looking_again_finds_the_same_and_tells_it_once(self, place: Place) -> None:
        """However often it is called."""
        first = self.looked(place, make_rows(3, shifted=1))
        again = self.looked(place, make_rows(3, shifted=1))
        assert again.windows == first.windows
        assert again.fresh == ()
        assert {*first.fresh} <= {window.start for window in first.windows if window.alarms}

    def test_order_of_rows_does_not_matter(self, place: Place) -> None:
        """Workers log side by side."""
        rows = make_rows(2, shifted=1)
        one = self.looked(place, rows).windows
        other = self.looked(place, rows.sample(fraction=1.0, shuffle=True, seed=1)).windows
        assert [[item.what for item in window.alarms] for window in one] == [
            [item.what for item in window.alarms] for window in other
        ]

    def test_it_manages_without_labels(self, place: Place) -> None:
        """They come late, or never."""
        import polars as pl

        found = self.looked(place, make_rows(2).with_columns(pl.lit(None, pl.Float64).alias("_label")))
        assert [(window.labels, window.performance) for window in found.windows] == [(0, ())] * len(found.windows)

    def test_what_it_finds_can_be_kept(self, place: Place) -> None:
        """As JSON, in numbers and sentences."""
        found = self.looked(place, make_rows(2, shifted=1))
        assert json.loads(json.dumps(found.to_json(), allow_nan=False))
        assert all(item.sentence and item.floor > 0 for window in found.windows for item in window.findings)

    def test_column_that_moved_is_named_in_its_window(self, place: Place) -> None:
        """And in no other."""
        if not self.finds_drift:
            pytest.skip("this monitor compares no columns")
        found = self.looked(place, make_rows(3, shifted=1))
        drifted = [{item.what for item in window.alarms if item.kind == "drift"} for window in found.windows]
        assert drifted == [set(), {"amount"}, set()]

    def test_it_says_what_it_is(self) -> None:
        """The class and each of its fields have a sentence."""
        kind = type(self.monitor())
        assert one_line(kind), f"{kind.__name__} has no docstring"
        silent = [field.name for field in fields(kind) if not field.description]
        assert not silent, f"fields without a sentence: {', '.join(silent)}"

    def test_its_module_is_light(self) -> None:
        """The module that declares it imports no heavy library at its top."""
        source = inspect.getsource(inspect.getmodule(type(self.monitor())) or type(self.monitor()))
        heavy = tuple(f"{word} {name}" for word in ("import", "from") for name in _HEAVY)
        assert not [line for line in source.splitlines() if line.startswith(heavy)]
