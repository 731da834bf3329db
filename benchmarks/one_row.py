"""One row through a bundle in this process, beside scikit-learn's Pipeline of the same kind.

The flights recipe with two derived columns, once with a linear model and once with LightGBM as shipped; beside
it a Pipeline that derives the same columns with pandas, encodes them by a ColumnTransformer and predicts with
LogisticRegression or HistGradientBoosting. Both get one-row frames that are made beforehand.

python benchmarks/one_row.py
python benchmarks/one_row.py --only linear --calls 1000
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from benchmarks.measuring import Cost, Samples, command, function, interleaved, output, program, threads
from benchmarks.projects import FLIGHTS, temporary
from benchmarks.reporting import Aim, Report, Row, asked, milliseconds, present
from mlops.formats import Bundle

_DERIVED = "+features.derive={per_hour: 'distance / nullif(hour, 0)', windy: 'wind_speed * (100 - temp)'}"
_MODELS = {
    "linear": ("model=linear", "model.strength=100", "features=onehot"),
    "lightgbm": ("model=lightgbm_large",),
}
_LIMIT_MS, _SPEED, _LOAD_MS = 0.3, 0.05, 300.0
_ROWS = 200
"""Different rows, taken in turn."""

_TRAIN = 50_000
"""Rows that the pipelines are fitted on; what a row costs hangs little on them."""

_FIRST = (
    "import sys, polars; from mlops.formats import Bundle; Bundle(__import__('pathlib').Path(sys.argv[1])).predict("
)
_FIRST += "polars.read_parquet(sys.argv[2]).head(1))"


@dataclass
class _Calls:
    """Calls of one way to predict, and how long each took."""

    call: Callable[[Any], object]
    rows: Sequence[Any]
    count: int
    seconds: list[float] = field(default_factory=list)

    def cost(self) -> Cost:
        """Predict one row after the other; wall is the median of a call, cpu the mean."""
        took, cpu = [], time.process_time()
        for row in itertools.islice(itertools.cycle(self.rows), self.count):
            start = time.perf_counter()
            self.call(row)
            took.append(time.perf_counter() - start)
        self.seconds += took
        return Cost(float(np.median(took)), (time.process_time() - cpu) / self.count)

    @property
    def tail(self) -> float:
        """Seconds that 99 of 100 calls stay below."""
        return float(np.quantile(self.seconds, 0.99))


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=7, more=_arguments)
    with temporary() as folder:
        parts: list[Report] = []
        for name in given.only:
            parts += _measured(name, folder, repeats=given.repeats, calls=given.calls)
        rows = tuple(row for part in parts for row in part.rows)
        aims = tuple(aim for part in parts for aim in part.aims)
        notes = tuple(note for part in parts for note in part.notes)
        present(Report("one_row", rows, aims, notes), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--calls", type=int, default=300, help="rows a round (default 300)")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(_MODELS), help="linear or lightgbm")


def _measured(name: str, folder: Path, *, repeats: int, calls: int) -> Iterator[Report]:
    place = _bundle(name, folder)
    bundle = Bundle(place)
    table = pl.read_parquet(FLIGHTS).filter(pl.col("delayed15").is_not_null())
    raw = table.select(item["name"] for item in bundle.signature["inputs"]).sample(_ROWS, seed=1)
    frames = list(raw.iter_slices(1))
    pipeline = _pipeline(name, table, bundle.signature["inputs"])
    scorer = bundle.scorer()
    ways = {
        "frame": _Calls(bundle.predict, frames, calls),
        "dict": _Calls(scorer.score_row, raw.to_dicts(), calls),
        "theirs": _Calls(pipeline.predict_proba, [frame.to_pandas() for frame in frames], max(20, calls // 10)),
    }
    with threadpool_limits(limits=1):  # of the libraries that the pipeline has loaded
        for way in ways.values():  # first calls warm caches up
            way.cost()
            way.seconds.clear()
        found = interleaved({key: way.cost for key, way in ways.items()}, repeats=repeats)
    raw.head(1).write_parquet(folder / "row.parquet")
    yield _calls_report(name, ways, found)
    yield _loading_report(name, place, folder=folder, repeats=repeats)


def _calls_report(name: str, ways: dict[str, _Calls], found: dict[str, Samples]) -> Report:
    beside = "scikit-learn Pipeline"
    rows = (
        Row(f"{name}, a frame of one row", found["frame"], beside, found["theirs"]),
        Row(f"{name}, a row of JSON values", found["dict"], beside, found["theirs"]),
    )
    aims = (
        Aim(f"{name}: p50 of a frame of one row", found["frame"].wall * 1e3, _LIMIT_MS, " ms"),
        Aim(f"{name}: bundle / Pipeline", rows[0].ratio or 0, _SPEED, "×"),
    )
    tails = ", ".join(
        f"{said} {milliseconds(ways[key].tail)}"
        for key, said in (("frame", "a frame"), ("dict", "JSON values"), ("theirs", "Pipeline"))
    )
    return Report(name, rows, aims, (f"{name}: 99 of 100 calls stay below: {tails}.",))


def _loading_report(name: str, place: Path, *, folder: Path, repeats: int) -> Report:
    start = [sys.executable, "-c", _FIRST, str(place), str(folder / "row.parquet")]
    cases = {
        "load": lambda: function(lambda: Bundle(place).scorer()),
        "first": lambda: command(start, folder=folder, env=threads(1)),
    }
    found = interleaved(cases, repeats=repeats)
    rows = (
        Row(f"{name}, load the bundle", found["load"]),
        Row(f"{name}, a new Python until the first prediction", found["first"]),
    )
    return Report(name, rows, (Aim(f"{name}: load the bundle", found["load"].wall * 1e3, _LOAD_MS, " ms"),))


def _bundle(name: str, folder: Path) -> Path:
    """Run the flights recipe with derived columns; where its bundle lies is in what it prints."""
    project = folder / name
    (project / "recipes").mkdir(parents=True)
    words = [*_MODELS[name], _DERIVED, "evaluate.bootstrap=0", "executor.cpus=1", "--to", "bundle"]
    _, said = output([program("mlops"), "run", "recipe=flights", *words], folder=project, env=threads(1))
    (line,) = [line.split() for line in said.splitlines() if line.startswith("bundle ") and len(line.split()) == 2]  # noqa: PLR2004 - a name and a path
    return Path(line[1])


def _pipeline(name: str, table: pl.DataFrame, inputs: Sequence[dict[str, Any]]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

    words = [item["name"] for item in inputs if item["kind"] == "categorical"]
    numbers = [item["name"] for item in inputs if item["kind"] == "numeric"] + ["per_hour", "windy"]
    encoders = {
        "linear": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        "lightgbm": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    }
    models = {
        "linear": LogisticRegression(max_iter=200),
        "lightgbm": HistGradientBoostingClassifier(random_state=0),
    }
    scaled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    columns = ColumnTransformer([("numbers", scaled, numbers), ("words", encoders[name], words)])
    made = make_pipeline(FunctionTransformer(_derive), columns, models[name])
    sample = table.sample(_TRAIN, seed=0)
    return made.fit(sample.select(item["name"] for item in inputs).to_pandas(), sample["delayed15"].to_numpy())


def _derive(frame: Any) -> Any:
    """Derive the same two columns with pandas."""
    hours = frame["hour"].where(frame["hour"] != 0)
    return frame.assign(per_hour=frame["distance"] / hours, windy=frame["wind_speed"] * (100 - frame["temp"]))


if __name__ == "__main__":
    main()
