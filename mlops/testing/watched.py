"""Rows that a model was asked about, and what it is compared with, for testing monitors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.formats.profile import Profile
from mlops.services.monitor import Reference, Subject

if TYPE_CHECKING:
    import polars as pl

__all__ = ["make_reference", "make_rows", "make_subject"]

_START = datetime(2024, 1, 1, tzinfo=UTC)
_POINTS = 100


def make_rows(days: int, *, a_day: int = 400, shifted: int | None = None) -> pl.DataFrame:
    """Make rows as `Traffic.table` gives them: column ``amount``, prediction twice that, a label with noise.

    Args:
        days: from the first of January 2024 on.
        a_day: rows on each.
        shifted: day on which the amounts are three times as large.
    """
    import numpy as np
    import polars as pl

    chance = np.random.default_rng(7)
    day = np.arange(days * a_day) // a_day
    amount = chance.normal(10, 2, day.size) * np.where(day == (-1 if shifted is None else shifted), 3, 1)
    return pl.DataFrame(
        {
            "_id": [f"row-{number}" for number in range(day.size)],
            "_time": [_START + timedelta(days=int(d), seconds=n % a_day) for n, d in enumerate(day)],
            "_version": pl.Series([1] * day.size, dtype=pl.Int64),
            "_shadow": [False] * day.size,
            "_label": 2 * amount + chance.normal(0, 1, day.size),
            "amount": amount,
            "_answer_prediction": 2 * amount,
        }
    )


def make_reference(folder: Path) -> Reference:
    """Describe the training data of a model that sees `make_rows`, in a folder that is not there yet."""
    import numpy as np

    amount = np.sort(np.random.default_rng(8).normal(10, 2, 20_000))
    facts = {
        "rows": amount.size,
        "predicted_rows": amount.size,
        "columns": [_facts("amount", amount)],
        "predictions": [_facts("prediction", 2 * amount)],
    }
    folder.mkdir(parents=True)
    signature = {
        "task": "regression",
        "classes": [],
        "target": "sold",
        "inputs": [{"name": "amount", "kind": "numeric"}],
    }
    measured = {"headline": "rmse", "metrics": {"test": {"rmse": {"value": 1.0}, "mae": {"value": 0.8}}}}
    return Reference(Profile.create(folder, facts), signature, measured)


def make_subject(rows: pl.DataFrame, reference: Reference) -> Subject:
    """Put rows and their reference together."""
    return Subject("contract", rows, {1: reference})


def _facts(name: str, ordered: Any) -> dict[str, Any]:
    """Describe ascending values."""
    import numpy as np

    points = np.quantile(ordered, np.linspace(0, 1, _POINTS))
    return {
        "name": name,
        "kind": "numeric",
        "rows": ordered.size,
        "missing": 0,
        "distinct": ordered.size,
        "mean": float(ordered.mean()),
        "std": float(ordered.std()),
        "min": float(ordered[0]),
        "max": float(ordered[-1]),
        "points": points.tolist(),
        "below": (np.searchsorted(ordered, points) / ordered.size).tolist(),
    }
