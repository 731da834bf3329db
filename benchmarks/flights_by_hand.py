"""The flights recipe as a person would write it by hand: one process, no engine, the same libraries.

It does what `mlops run recipe=flights` does: read, hold to the contract, split by time, features,
LightGBM with early stopping, metrics with bootstrap intervals, one ONNX graph, parity. It keeps
nothing between the steps, remembers nothing, explains nothing and draws no report.

python benchmarks/flights_by_hand.py DATA FOLDER [--bootstrap 200] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnxruntime
import polars as pl
from onnx import ModelProto, checker, compose
from onnxmltools import convert_lightgbm  # type: ignore[import-not-found,import-untyped,unused-ignore] # no types
from onnxmltools.convert.common import data_types as tree_types  # type: ignore[import-not-found,import-untyped,unused-ignore] # same
from skl2onnx import to_onnx  # type: ignore[import-not-found,import-untyped,unused-ignore] # no types
from skl2onnx.common.data_types import FloatTensorType, StringTensorType  # type: ignore[import-not-found,import-untyped,unused-ignore] # same
from sklearn import metrics
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

Array = np.ndarray[Any, np.dtype[Any]]

TARGET = "delayed15"
CALENDAR = ["dow", "hour", "minute", "sched_dep_time", "sched_arr_time"]
WEATHER = ["temp", "wind_speed", "precip", "visib"]
NUMBERS = [*CALENDAR, "flight", "distance", *WEATHER]
CATEGORIES = ["carrier", "origin", "dest"]
CARRIERS = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"]
TYPES = {
    "time_hour": pl.Datetime("us"), "month": pl.Int64, "day": pl.Int64, "dow": pl.Int32, "hour": pl.Int64,
    "minute": pl.Int64, "sched_dep_time": pl.Int64, "sched_arr_time": pl.Int64, "carrier": pl.String,
    "flight": pl.Int64, "origin": pl.String, "dest": pl.String, "distance": pl.Int64, "temp": pl.Float64,
    "wind_speed": pl.Float64, "precip": pl.Float64, "visib": pl.Float64, "delayed15": pl.Int8,
}  # fmt: skip
RANGES: dict[str, tuple[Any, Any]] = {
    "month": (1, 12), "day": (1, 31), "dow": (0, 6), "hour": (0, 23), "minute": (0, 59), "flight": (1, 9999),
    "sched_dep_time": (0, 2359), "sched_arr_time": (0, 2359), "distance": (50, 6000), "temp": (-20, 120),
    "wind_speed": (0, 100), "precip": (0, 5), "visib": (0, 10), "delayed15": (0, 1),
    "time_hour": (datetime(2013, 1, 1), datetime(2014, 1, 1, 5)),  # noqa: DTZ001 - the column has no zone
}  # fmt: skip
VALIDATION, TEST = datetime(2013, 9, 1), datetime(2013, 10, 1)  # noqa: DTZ001 - as above
FEWEST_ROWS = 300_000
THRESHOLD = 0.5
TOLERANCE = 1e-4
OPSET = 15


@dataclass
class Clock:
    """Seconds of each step."""

    steps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        began = time.perf_counter()
        yield
        self.steps[name] = time.perf_counter() - began


def main() -> None:
    """Make a judged, shippable model; print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bootstrap", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    clock = Clock()
    with clock.step("data"):
        flights = read(given.data)
    with clock.step("validate"):
        validate(flights)
    with clock.step("split"):
        parts = split(flights)
    with clock.step("features"):
        transformer, features = prepare(parts)
    targets = {name: part[TARGET].to_numpy() for name, part in parts.items()}
    with clock.step("train"):
        booster = train(features, targets, threads=given.threads)
        scores = {name: predict(booster, features[name], threads=given.threads) for name in ("validation", "test")}
        trees = export(booster)
    with clock.step("evaluate"):
        evaluation = {name: judge(targets[name], found, given.bootstrap) for name, found in scores.items()}
        (given.folder / "evaluation.json").write_text(json.dumps(evaluation, indent=1))
    with clock.step("bundle"):
        path = bundle(transformer, trees, given.folder)
    with clock.step("parity"):
        difference, differing = parity(path, parts, scores, threads=given.threads)
    found = {"roc_auc": evaluation["test"]["roc_auc"]["value"], "difference": difference, "differing": differing}
    print(json.dumps({"steps": clock.steps, **found, "trees": booster.best_iteration}))


def read(path: Path) -> pl.DataFrame:
    """Read the flights that arrived."""
    rows = pl.scan_parquet(path).filter(pl.col(TARGET).is_not_null()).drop("arr_delay")
    return rows.with_columns(pl.col(TARGET).cast(pl.Int8)).collect()


def validate(flights: pl.DataFrame) -> None:
    """Hold the rows to the contract."""
    if dict(flights.schema) != TYPES or flights.height < FEWEST_ROWS:
        raise ValueError(f"columns or rows are not as agreed: {flights.schema}, {flights.height}")
    broken = {name: count for name, count in flights.select(list(rules())).row(0, named=True).items() if count}
    unknown_weather = broken.pop("weather is known", 0)
    if broken:
        raise ValueError(f"rows break the contract: {broken}")
    print(f"weather is unknown in {unknown_weather} rows")
    newest = flights["time_hour"].max()
    if not isinstance(newest, datetime) or datetime(2014, 1, 1) - newest > timedelta(days=7):  # noqa: DTZ001 - as above
        raise ValueError(f"the newest flight is of {newest!r}")


def rules() -> Iterator[pl.Expr]:
    """Count the bad rows of each rule."""
    for name in TYPES:
        if name not in WEATHER:
            yield pl.col(name).is_null().sum().alias(f"{name} is there")
    for name, (low, high) in RANGES.items():
        yield (pl.col(name) < low).sum().alias(f"{name} is not too low")
        yield (pl.col(name) > high).sum().alias(f"{name} is not too high")
    for name in WEATHER:
        yield pl.col(name).is_nan().sum().alias(f"{name} is a number")
    yield (~pl.col("carrier").is_in(CARRIERS)).sum().alias("carrier is known")
    yield (~pl.col("origin").is_in(["EWR", "JFK", "LGA"])).sum().alias("origin is known")
    yield (~pl.col("dest").str.contains("^(?:[A-Z]{3})$")).sum().alias("dest is a code")
    agree = pl.col("sched_dep_time") == 100 * pl.col("hour") + pl.col("minute")
    yield (~agree).sum().alias("departure time is hour and minute")
    yield (pl.col("origin") == pl.col("dest")).sum().alias("leaves one airport for another")
    weather = pl.any_horizontal(pl.col("temp", "wind_speed", "visib").is_null())
    yield weather.sum().alias("weather is known")


def split(flights: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Train on the past, choose on September, test on the rest; no row may be in two parts."""
    when = pl.col("time_hour")
    parts = {
        "train": flights.filter(when < VALIDATION),
        "validation": flights.filter((when >= VALIDATION) & (when < TEST)),
        "test": flights.filter(when >= TEST),
    }
    seen = pl.concat([part.with_columns(pl.lit(name).alias("part")) for name, part in parts.items()])
    twice = seen.group_by(flights.columns).agg(pl.col("part").n_unique()).filter(pl.col("part") > 1).height
    if twice:
        print(f"{twice} rows are in several parts")
    return parts


def prepare(parts: dict[str, pl.DataFrame]) -> tuple[ColumnTransformer, dict[str, Array]]:
    """Impute and scale numbers, encode categories; learnt from train rows."""
    train_rows = parts["train"]
    common = [_common(train_rows, name) for name in CATEGORIES]
    encoder = OrdinalEncoder(
        categories=common, handle_unknown="use_encoded_value", unknown_value=max(map(len, common)), dtype=np.float32
    )
    transformer = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
            ("missing", "passthrough", [f"{name}_missing" for name in WEATHER]),
            ("categories", encoder, CATEGORIES),
        ]
    )
    transformer.fit(raw(train_rows))
    return transformer, {name: np.asarray(transformer.transform(raw(part)), np.float32) for name, part in parts.items()}


def _common(rows: pl.DataFrame, name: str) -> Array:
    counted = rows[name].value_counts(sort=True).filter(pl.col("count") >= 0.001 * rows.height)
    return np.array(counted[name].to_list(), dtype=object)


def raw(rows: pl.DataFrame) -> pl.DataFrame:
    """Give the columns that the graph takes: float32, text."""
    missing = [pl.col(name).is_null().cast(pl.Float32).alias(f"{name}_missing") for name in WEATHER]
    numbers = [pl.col(name).cast(pl.Float32).fill_null(float("nan")) for name in NUMBERS]
    return rows.select(*numbers, *missing, *CATEGORIES)


def train(features: dict[str, Array], targets: dict[str, Array], *, threads: int) -> lightgbm.Booster:
    """Grow trees until the validation loss has not fallen for 50 rounds."""
    width = features["train"].shape[1]
    parameters = {
        "objective": "binary", "metric": "binary_logloss", "learning_rate": 0.03, "num_leaves": 31,
        "min_data_in_leaf": 200, "feature_fraction": 0.7, "bagging_freq": 1, "num_threads": threads, "seed": 7,
        "deterministic": True, "force_row_wise": True, "verbosity": -1,
    }  # fmt: skip
    codes = list(range(width - len(CATEGORIES), width))
    known = lightgbm.Dataset(features["train"], targets["train"], categorical_feature=codes, params=parameters)
    held = lightgbm.Dataset(
        features["validation"], targets["validation"], reference=known, categorical_feature=codes, params=parameters
    )
    curves: dict[str, Any] = {}
    return lightgbm.train(
        parameters,
        known,
        num_boost_round=300,
        valid_sets=[known, held],
        valid_names=["train", "validation"],
        callbacks=[lightgbm.early_stopping(50, verbose=False), lightgbm.record_evaluation(curves)],
    )


def predict(booster: lightgbm.Booster, matrix: Array, *, threads: int) -> Array:
    """Give the probability of a delay."""
    return np.asarray(booster.predict(matrix, num_threads=threads))


def export(booster: lightgbm.Booster) -> ModelProto:
    """Make a graph of the trees."""
    types = [("features", tree_types.FloatTensorType([None, booster.num_feature()]))]
    made: ModelProto = convert_lightgbm(booster, initial_types=types, zipmap=False, target_opset=OPSET)
    return made


METRICS: dict[str, Callable[[Array, Array], float]] = {
    "roc_auc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
    "log_loss": metrics.log_loss,
    "brier": metrics.brier_score_loss,
    "accuracy": lambda true, score: metrics.accuracy_score(true, score >= THRESHOLD),
    "balanced_accuracy": lambda true, score: metrics.balanced_accuracy_score(true, score >= THRESHOLD),
    "precision": lambda true, score: metrics.precision_score(true, score >= THRESHOLD),
    "recall": lambda true, score: metrics.recall_score(true, score >= THRESHOLD),
    "f1": lambda true, score: metrics.f1_score(true, score >= THRESHOLD),
    "mcc": lambda true, score: metrics.matthews_corrcoef(true, score >= THRESHOLD),
}


def judge(true: Array, score: Array, bootstrap: int) -> dict[str, dict[str, float]]:
    """Compute every metric with its 95 % bootstrap interval."""
    found = {name: {"value": float(metric(true, score))} for name, metric in METRICS.items()}
    chance = np.random.default_rng(7)
    draws: list[list[float]] = []
    for _ in range(bootstrap):
        rows = chance.integers(0, len(true), len(true))
        draws.append([metric(true[rows], score[rows]) for metric in METRICS.values()])
    if draws:
        low, high = np.quantile(np.array(draws), [0.025, 0.975], axis=0)
        for index, ends in enumerate(found.values()):
            ends |= {"low": float(low[index]), "high": float(high[index])}
    return found


def bundle(transformer: ColumnTransformer, trees: ModelProto, folder: Path) -> Path:
    """Join features and trees into one graph."""
    numbers = [*NUMBERS, *(f"{name}_missing" for name in WEATHER)]
    types = [(name, FloatTensorType([None, 1])) for name in numbers]
    types += [(name, StringTensorType([None, 1])) for name in CATEGORIES]
    first = to_onnx(transformer, initial_types=types, target_opset=OPSET)
    first, second = compose.add_prefix(first, "features/", rename_inputs=False), compose.add_prefix(trees, "trees/")
    made = [item.name for item in first.graph.output]
    second.ir_version = first.ir_version
    del second.opset_import[:]  # its operators mean the same in the newer sets
    second.opset_import.extend(first.opset_import)
    joined = compose.merge_models(first, second, io_map=[(made[0], "trees/features")])
    checker.check_model(joined, full_check=True)
    path = folder / "model.onnx"
    path.write_bytes(joined.SerializeToString())
    return path


def parity(path: Path, parts: dict[str, pl.DataFrame], scores: dict[str, Array], *, threads: int) -> tuple[float, int]:
    """Score held-out rows with the graph, in batches and one by one.

    Returns:
        The largest difference from the native model, and how many rows differ by more than 1e-4.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options)
    gaps = []
    for name, expected in scores.items():
        gaps.append(np.abs(score(session, parts[name]) - expected))
    rows = np.unique(np.linspace(0, parts["test"].height - 1, 200).astype(np.int64))
    alone = [score(session, parts["test"][row])[0] for row in rows.tolist()]
    gaps.append(np.abs(np.array(alone) - scores["test"][rows]))
    every = np.concatenate(gaps)
    return float(every.max()), int((every > TOLERANCE).sum())


def score(session: onnxruntime.InferenceSession, rows: pl.DataFrame) -> Array:
    """Give the graph's probability of a delay."""
    given = raw(rows)
    feed = {name: given[name].to_numpy().reshape(-1, 1) for name in given.columns}
    (found,) = session.run(["trees/probabilities"], feed)
    return np.asarray(found)[:, 1]


if __name__ == "__main__":
    main()
