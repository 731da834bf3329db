"""Libraries' default models on the raw rows of a split, with the usual preparation around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["fitted_default"]

Floats = np.ndarray[Any, np.dtype[np.float64]]


def fitted_default(name: str, folder: Path, columns: Sequence[str], *, threads: int) -> Floats:
    """Fit a library's default on the train rows of a split and score its test rows.

    Args:
        name: linear, mlp (scikit-learn), lightgbm or xgboost.
        folder: a ``splits`` artifact.
        columns: those that may be used.
        threads: threads of the fit.

    Returns:
        Probabilities (rows, classes) in sorted order of the classes, or values (rows, 1).
    """
    from mlops.formats import Splits

    splits = Splits(folder)
    train, test = (_inputs(splits, part, columns) for part in ("train", "test"))
    target = splits.read("train")[str(splits.roles.target)].to_numpy()
    model = _models(regression=splits.roles.task == "regression", threads=threads)[name](train)
    if name == "xgboost" and splits.roles.task != "regression":
        target = np.unique(target, return_inverse=True)[1]
    model.fit(train, target)
    if splits.roles.task == "regression":
        return np.asarray(model.predict(test), dtype=np.float64).reshape(-1, 1)
    return np.asarray(model.predict_proba(test), dtype=np.float64)


def _inputs(splits: Any, part: Any, columns: Sequence[str]) -> Any:
    """Columns as a pandas frame: text as categories, pictures as one column a pixel."""
    import pandas as pd
    import polars as pl

    frame = splits.read(part).select(columns)
    made: dict[str, Any] = {}
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Array):
            pixels = frame[name].to_numpy()
            made |= {f"{name}{place}": pixels[:, place] for place in range(pixels.shape[1])}
        else:
            made[name] = frame[name].to_pandas()
    table = pd.DataFrame(made)
    texts = [name for name in table if frame.schema.get(name) == pl.String and frame[name].n_unique() > 1_000]  # noqa: PLR2004 - no category has so many
    if texts:
        return table[texts].fillna("").agg(" ".join, axis=1).to_frame("text")
    known = {name: splits.read("train")[name].drop_nulls().unique().sort() for name in table if _is_text(frame, name)}
    return table.assign(
        **{name: pd.Categorical(table[name], categories=values.to_list()) for name, values in known.items()}
    )


def _is_text(frame: Any, name: str) -> bool:
    import polars as pl

    return bool(frame.schema.get(name) == pl.String)


def _models(*, regression: bool, threads: int) -> Mapping[str, Callable[[Any], Any]]:
    def linear(table: Any) -> Any:
        from sklearn.linear_model import LogisticRegression, Ridge

        # More iterations than the default, so that it converges.
        return _prepared(table, Ridge() if regression else LogisticRegression(max_iter=1_000))

    def mlp(table: Any) -> Any:
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.neural_network import MLPClassifier, MLPRegressor
        from sklearn.preprocessing import StandardScaler

        scaled = TransformedTargetRegressor(MLPRegressor(random_state=0), transformer=StandardScaler())
        return _prepared(table, scaled if regression else MLPClassifier(random_state=0))

    def lightgbm(table: Any) -> Any:
        from lightgbm import LGBMClassifier, LGBMRegressor

        model = (LGBMRegressor if regression else LGBMClassifier)(n_jobs=threads, verbose=-1, random_state=0)
        return _prepared(table, model) if "text" in table else model

    def xgboost(table: Any) -> Any:
        from xgboost import XGBClassifier, XGBRegressor

        del table
        return (XGBRegressor if regression else XGBClassifier)(n_jobs=threads, enable_categorical=True, random_state=0)

    return {"linear": linear, "mlp": mlp, "lightgbm": lightgbm, "xgboost": xgboost}


def _prepared(table: Any, model: Any) -> Any:
    """Scale and impute numbers, 0/1 columns for categories, TF-IDF for texts; then the model."""
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    if "text" in table:
        return make_pipeline(ColumnTransformer([("text", TfidfVectorizer(), "text")]), model)
    numbers = [name for name in table if table[name].dtype != "category"]
    names = [name for name in table if name not in numbers]
    parts = [
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        ("names", OneHotEncoder(handle_unknown="ignore"), names),
    ]
    return make_pipeline(ColumnTransformer([part for part in parts if part[2]]), model)
