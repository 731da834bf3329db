"""Columns that the model takes from other tables' past rows, computed for the rows to be predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Self

import polars as pl

from mlops.errors import ProjectError
from mlops.formats.history import HistorySpec
from mlops.formats.past import Past, event_columns
from mlops.prediction.reading import Dialect, sources

__all__ = ["Histories"]

_ROWS = 262_144


@dataclass(frozen=True)
class Histories:
    """The histories of a bundle for which a table is given."""

    pasts: tuple[Past, ...] = ()

    @classmethod
    def read(cls, specs: Sequence[Mapping[str, Any]], given: Mapping[str, str], dialect: Dialect) -> Self:
        """Read the tables that are given.

        Raises:
            ProjectError: the model has no history of that name.
        """
        known = {spec["name"]: HistorySpec.model_validate(spec) for spec in specs}
        for name in given:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                fix = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known) or 'none'}"
                raise ProjectError(f"the model has no history {name!r}", where=f"history.{name}", fix=fix)
        return cls(
            tuple(Past.of(spec, _events(given[name], spec, dialect)) for name, spec in known.items() if name in given)
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the rows that they look at."""
        return tuple(name for past in self.pasts for name in (*past.spec.entity, past.spec.time))

    @property
    def made(self) -> tuple[str, ...]:
        """Columns that they make."""
        return tuple(name for past in self.pasts for name in past.spec.made)

    def beside(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add the columns to rows."""
        for past in self.pasts:
            frame = past.beside(frame)
        return frame


def _events(pattern: str, spec: HistorySpec, dialect: Dialect) -> pl.DataFrame:
    """The columns of the other table that are used, of all its files."""
    columns = event_columns(spec)
    return pl.concat(
        [frame for source in sources(pattern, dialect) for frame in source.batches(columns, rows=_ROWS)],
        how="vertical_relaxed",
    )
