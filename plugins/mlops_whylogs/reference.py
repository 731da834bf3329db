"""Exact descriptions of columns: what later windows are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops.formats.profile import Profile as ProfileFormat

if TYPE_CHECKING:
    from mlops import formats
    from mlops.stage import Context
    from mlops_whylogs.profile import Profile

__all__ = ["column_facts", "describe", "kind_of"]


def describe(options: Profile, splits: formats.Splits, bundle: formats.Bundle, *, context: Context) -> ProfileFormat:
    """Describe the model's inputs on one part and its predictions on another."""
    names = [item["name"] for item in bundle.signature["inputs"] if item["kind"] != "image"]
    rows = _rows(splits, options.columns_from, options.max_rows)
    missing = [name for name in names if name not in rows.columns]
    if missing:
        raise StageError(f"the rows have no column {missing[0]!r}, which the model takes", fix="make the bundle again")
    columns = []
    for index, name in enumerate(names):
        columns.append({"name": name, **column_facts(rows[name], options)})
        context.progress(index + 1, len(names) + 1, name)
    asked = _rows(splits, options.predictions_from, options.max_rows)
    scored = bundle.predict(asked, threads=context.cpus, bad_rows="null").drop("error")
    predictions = [{"name": name, **column_facts(scored[name], options)} for name in scored.columns]
    facts = {
        "rows": rows.height,
        "columns": columns,
        "predictions": predictions,
        "predicted_rows": asked.height,
        "columns_from": options.columns_from,
        "predictions_from": options.predictions_from,
    }
    return ProfileFormat.create(context.output("profile"), facts)


def _rows(splits: formats.Splits, part: Any, most: int) -> pl.DataFrame:
    rows = splits.rows[part]
    if rows == 0:
        raise StageError(f"the part {part!r} has no rows to profile", fix="profile another part: columns_from=train")
    scan = splits.scan(part)
    return (scan if rows <= most else scan.gather_every(-(-rows // most))).collect()


def kind_of(dtype: pl.DataType) -> str:
    """Say how a column is described: numeric, time, or text (whatever is counted value by value)."""
    if dtype.is_numeric() or dtype == pl.Boolean:
        return "numeric"
    return "time" if dtype.is_temporal() else "text"


def column_facts(values: pl.Series, options: Profile) -> dict[str, Any]:
    """Describe one column.

    Returns:
        ``kind``, ``rows``, ``missing`` (nulls and NaN), ``distinct``; numeric ones ``mean``, ``std``, ``min``,
        ``max``, ``points`` (ascending, between values that occur) and ``below`` (share of values below each);
        text ones ``top`` (value, count) in order of count.
    """
    kind = kind_of(values.dtype)
    given = values.drop_nulls()
    if kind == "numeric":
        given = given.cast(pl.Float64).drop_nans()
        given = given.filter(given.is_finite())
    facts: dict[str, Any] = {"kind": kind, "rows": len(values), "missing": len(values) - len(given)}
    facts["distinct"] = given.n_unique() if kind != "text" or given.dtype == pl.String else 0
    if kind == "numeric" and len(given):
        facts |= _numeric(np.sort(given.to_numpy()), options.points)
    elif kind == "text":
        facts |= _text(given, options.top)
    return facts


def _numeric(ordered: np.ndarray[Any, Any], most: int) -> dict[str, Any]:
    """Describe ascending values (rows,)."""
    spots = np.unique(ordered[np.linspace(0, ordered.size - 1, most).astype(np.int64)])
    between = spots[:-1] + np.diff(spots) / 2
    points = np.concatenate([[np.nextafter(ordered[0], -np.inf)], between, [np.nextafter(ordered[-1], np.inf)]])
    below = np.searchsorted(ordered, points, side="left") / ordered.size
    return {
        "mean": float(ordered.mean()),
        "std": float(ordered.std(ddof=1)) if ordered.size > 1 else 0.0,
        "min": float(ordered[0]),
        "max": float(ordered[-1]),
        "points": points.tolist(),
        "below": below.tolist(),
    }


def _text(given: pl.Series, most: int) -> dict[str, Any]:
    if given.dtype != pl.String:
        given = given.cast(pl.String, strict=False).drop_nulls()
    counts = given.value_counts().sort(["count", given.name], descending=[True, False]).head(most)
    return {"top": [[value, count] for value, count in counts.iter_rows()]}
