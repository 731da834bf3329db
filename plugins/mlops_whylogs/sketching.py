"""The one place that knows whylogs: frames → profiles in its file format, merged and read back.

whylogs 1.6.4 still asks for a name that numpy 2 has dropped, and reports its use to its makers unless told not
to; both are settled here, before it is imported. Numbers go to its sketches as arrays and texts as counts,
without its detour through pandas, which takes most of the time of `whylogs.log`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, reduce
from typing import Any

import numpy as np
import polars as pl

from mlops.errors import MissingExtra, ProjectError
from mlops_whylogs.reference import kind_of

__all__ = ["Seen", "merged", "profiled", "profiled_and_read", "read"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
_LONGEST = 128
"""Characters of a text that whylogs counts by."""


@dataclass(frozen=True)
class Seen:
    """One column as a profile remembers it."""

    rows: int
    missing: int
    """Nulls, NaN and infinite values."""

    mean: float
    std: float
    below: Callable[[Sequence[float]], Floats]
    """Ascending points → share of values below each (KLL sketch: within about 1 % of the rank)."""

    counts: Mapping[str, int]
    """Text → how often it occurred; exact up to some 3,000 different ones."""

    distinct: float
    independent: float = 1.0
    """Share of the rows that count as if each had been drawn by itself; a profile does not know it."""


@cache
def _whylogs() -> Any:
    """Import whylogs, its analytics off."""
    os.environ["WHYLOGS_NO_ANALYTICS"] = "True"
    if not hasattr(np, "unicode_"):
        vars(np)["unicode_"] = np.str_
    try:
        import whylogs
    except ModuleNotFoundError as exc:
        raise MissingExtra(exc.name or "whylogs", extra="whylogs") from exc
    return whylogs


def profiled(frame: pl.DataFrame) -> bytes:
    """Profile every column of a frame.

    Returns:
        A dataset profile in whylogs' file format.
    """
    return bytes(_view(frame).serialize())


def profiled_and_read(frame: pl.DataFrame) -> tuple[bytes, dict[str, Seen]]:
    """Profile a frame; give the profile, and its columns without the detour of reading them back."""
    view = _view(frame)
    return bytes(view.serialize()), {name: _seen(column) for name, column in view.get_columns().items()}


def _view(frame: pl.DataFrame) -> Any:
    _whylogs()
    from whylogs.core.view.dataset_profile_view import DatasetProfileView

    columns = {name: _column(frame[name]) for name in frame.columns}
    now = datetime.now(UTC)
    return DatasetProfileView(columns=columns, dataset_timestamp=now, creation_timestamp=now)


def merged(profiles: Sequence[bytes]) -> bytes:
    """Merge profiles of parts into the profile of the whole; at least one."""
    return bytes(reduce(lambda one, other: one.merge(other), map(_opened, profiles)).serialize())


def read(profile: bytes) -> dict[str, Seen]:
    """Read the columns of a profile back.

    Raises:
        ProjectError: it is damaged.
    """
    return {name: _seen(column) for name, column in _opened(profile).get_columns().items()}


def _opened(profile: bytes) -> Any:
    _whylogs()
    from whylogs.core.view.dataset_profile_view import DatasetProfileView

    try:
        return DatasetProfileView.deserialize(profile)
    except Exception as exc:  # whylogs raises whatever its parser met
        raise ProjectError(f"a profile cannot be read: {exc}", fix="remove it; the next look makes it again") from exc


def _column(values: pl.Series) -> Any:
    kind = kind_of(values.dtype)
    if kind == "numeric":
        return _numbers(values)
    return _texts(values if kind == "text" else values.slice(0, 0), rows=len(values), missing=values.null_count())


def _numbers(values: pl.Series) -> Any:
    from whylogs.core.column_profile import ColumnProfile
    from whylogs.core.preprocessing import PreprocessedColumn
    from whylogs.core.schema import ColumnSchema

    given = values.drop_nulls().cast(pl.Float64).to_numpy()
    finite = np.isfinite(given)
    kept = given if finite.all() else given[finite]
    prepared = PreprocessedColumn()
    prepared.len = len(values)
    prepared.nan_count = int(np.isnan(given).sum())
    prepared.null_count = values.null_count() + prepared.nan_count  # as whylogs itself counts NaN
    prepared.inf_count = int(np.isinf(given).sum())
    prepared.numpy.floats = np.ascontiguousarray(kept)
    profile = ColumnProfile(values.name, schema=ColumnSchema(dtype=float), cache_size=1)
    profile._process_extracted_column(prepared)  # noqa: SLF001 - the public way goes through pandas
    return profile.view()


def _texts(values: pl.Series, *, rows: int, missing: int) -> Any:
    import whylogs_sketching as sketches
    from whylogs.core.metrics.column_metrics import ColumnCountsMetric, TypeCountersMetric
    from whylogs.core.metrics.metric_components import FrequentStringsComponent, HllComponent, IntegralComponent
    from whylogs.core.metrics.metrics import CardinalityMetric, FrequentItemsMetric
    from whylogs.core.view.column_profile_view import ColumnProfileView

    texts = values.cast(pl.String, strict=False).drop_nulls().str.slice(0, _LONGEST)
    counts = texts.value_counts()
    frequent = sketches.frequent_strings_sketch(12)
    for value, count in counts.iter_rows():
        frequent.update(value, count)
    distinct = sketches.hll_sketch(12)
    distinct.update_str_list(counts[values.name].to_list())
    types = TypeCountersMetric.zero()
    types.string.set(len(texts))
    return ColumnProfileView(
        metrics={
            "counts": ColumnCountsMetric(n=IntegralComponent(rows), null=IntegralComponent(missing)),
            "types": types,
            "cardinality": CardinalityMetric(hll=HllComponent(distinct)),
            "frequent_items": FrequentItemsMetric(frequent_strings=FrequentStringsComponent(frequent)),
        },
        success_count=rows,
    )


def _seen(column: Any) -> Seen:
    counts = column.get_metric("counts")
    spread = column.get_metric("distribution")
    frequent = column.get_metric("frequent_items")
    missing = counts.null.value + counts.inf.value
    items = frequent.frequent_strings.value.get_frequent_items(_no_false_negatives()) if frequent and not spread else []
    filled = spread is not None and spread.n > 0
    return Seen(
        rows=counts.n.value,
        missing=missing,
        mean=float(spread.avg) if filled else float("nan"),
        std=float(spread.stddev) if filled else float("nan"),
        below=(lambda points: _below(spread.kll.value, points)) if filled else (lambda points: np.zeros(len(points))),
        counts={item[0]: int(item[1]) for item in items},
        distinct=float(column.get_metric("cardinality").hll.value.get_estimate()),
    )


def _no_false_negatives() -> Any:
    import whylogs_sketching as sketches

    return sketches.frequent_items_error_type.NO_FALSE_NEGATIVES


def _below(sketch: Any, points: Sequence[float]) -> Floats:
    return np.asarray(sketch.get_cdf(list(points)), dtype=np.float64)[: len(points)]
