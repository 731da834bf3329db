"""Derived columns, compiled once and computed for any rows in as few steps as they depend on one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from mlops.errors import StageError
from mlops.formats.derived import Derived, compiled

__all__ = ["Derivation"]


class Derivation:
    """The expressions of a bundle; it changes nothing and may be shared by threads."""

    def __init__(self, derived: Sequence[Derived], schema: Mapping[str, pl.DataType]) -> None:
        made = compiled(derived, schema)
        self.names = tuple(dict.fromkeys(item.name for item in derived))
        self._steps = _steps([expr for expr, _ in made])
        roots = {name for expr, _ in made for name in expr.meta.root_names()}
        self.roots = tuple(name for name in schema if name in roots)

    def derive(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Put the derived columns beside the others.

        Raises:
            StageError: an expression fails on these rows.
        """
        try:
            for step in self._steps:
                frame = frame.with_columns(step)
        except pl.exceptions.PolarsError as exc:
            raise self._failed(exc) from exc
        return frame

    def made(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Compute the derived columns alone; rows as in `derive`."""
        if len(self._steps) > 1:
            return self.derive(frame)
        try:
            return frame.select(self._steps[0])
        except pl.exceptions.PolarsError as exc:
            raise self._failed(exc) from exc

    def _failed(self, exc: Exception) -> StageError:
        return StageError(f"a derived column cannot be computed: {exc}", where=", ".join(self.names))


def _steps(exprs: Sequence[pl.Expr]) -> list[list[pl.Expr]]:
    """Group expressions, in order, so that none uses or makes again what its own group makes."""
    steps: list[list[pl.Expr]] = []
    made: set[str] = set()
    for expr in exprs:
        name = expr.meta.output_name()
        if not steps or name in made or made & set(expr.meta.root_names()):
            steps.append([])
            made = set()
        steps[-1].append(expr)
        made.add(name)
    return steps
