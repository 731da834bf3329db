"""Is quality traded for speed? Our families beside the libraries' defaults, on the very same rows and columns.

Each of ours is a run of a shipped recipe; the defaults are fitted on that run's own split. A difference
counts only when the whole 95 % interval of a paired bootstrap over the test rows lies on one side.

python benchmarks/quality.py
python benchmarks/quality.py --only churn,digits --full
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring import output, program, threads
from benchmarks.projects import temporary
from benchmarks.quality_defaults import fitted_default
from benchmarks.reporting import Aim, Report, aligned, asked, milliseconds, present

Floats = np.ndarray[Any, np.dtype[np.float64]]

_DRAWS = 200
_NEGLIGIBLE = 1e-4
"""A difference below this share of the value is none, however sure it is."""

_PAIRS = """
flights   lightgbm  model=lightgbm_large
flights   lightgbm  model=lightgbm features=trees
flights   linear    model=linear features=onehot
churn     linear    model=linear features=onehot
churn     lightgbm  model=lightgbm
churn     xgboost   model=xgboost
churn     mlp       model=mlp
churn     mlp       model=resnet
churn     mlp       model=tabm
diamonds  lightgbm  model=lightgbm
diamonds  linear    model=linear features=onehot
diamonds  xgboost   model=xgboost
diamonds  mlp       model=mlp
diamonds  mlp       model=resnet
diamonds  mlp       model=tabm
digits    mlp       model=cnn
digits    mlp       model=mlp
digits    linear    model=linear
digits    lightgbm  model=lightgbm
spam      linear    model=text_bag features=tokens
spam      linear    model=linear features=text
spam      lightgbm  model=lightgbm features=text
"""
"""Recipe, the default held against, and our choice."""

_RECIPES = ("flights", "churn", "diamonds", "digits", "spam")
_FULL = """
flights   mlp       model=mlp features=onehot
flights   mlp       model=tabm features=onehot
"""
"""Pairs whose default takes many minutes."""


@dataclass(frozen=True)
class _Pair:
    """Ours and a default on the same test rows."""

    recipe: str
    ours: str
    default: str
    metric: str
    value: float
    theirs: float
    low: float
    high: float
    """Interval of how much better ours is, in the metric's unit; above 0 ours is better."""

    seconds: tuple[float, float]

    @property
    def verdict(self) -> str:
        """What the interval says."""
        least = _NEGLIGIBLE * abs(self.theirs)
        if self.low > least:
            return "better"
        return "WORSE" if self.high < -least else "alike"

    def cells(self) -> tuple[str, ...]:
        """Write it down."""
        times = tuple(map(milliseconds, self.seconds))
        gain = f"{(self.low + self.high) / 2:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"
        values = (f"{self.value:.4f}", self.default, f"{self.theirs:.4f}")
        return (self.recipe, self.ours, self.metric, *values, gain, self.verdict, *times)


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=1, more=_arguments)
    warnings.simplefilter("ignore")
    with temporary() as folder:
        pairs = list(_compared(folder, given))
    heads = ("recipe", "ours", "metric", "", "default of", "", "ours better by", "", "our fit", "theirs")
    worse = sum(pair.verdict == "WORSE" for pair in pairs)
    aims = (Aim("ours worse than the library's own default", worse, 0),)
    present(Report("quality", (), aims, (aligned([heads, *(pair.cells() for pair in pairs)]),)), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", type=lambda text: text.split(","), default=_RECIPES, help="recipes: a,b")
    parser.add_argument("--full", action="store_true", help="also the pairs whose default takes many minutes")
    parser.add_argument("--threads", type=int, default=1, help="threads (default 1)")


def _pairs(given: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Recipe, default, our choice."""
    for line in (_PAIRS + (_FULL if given.full else "")).split("\n"):
        if line and line.split()[0] in given.only:
            recipe, default, choice = line.split(maxsplit=2)
            yield recipe, default, choice


def _compared(folder: Path, given: argparse.Namespace) -> Iterator[_Pair]:
    defaults: dict[tuple[str, str], tuple[Floats, float]] = {}
    for recipe, default, choice in _pairs(given):
        ran = _run(folder, recipe, choice, count=given.threads)
        if (recipe, default) not in defaults:
            clock = time.perf_counter()
            scores = fitted_default(default, ran.artifact("split", "splits"), ran.columns(), threads=given.threads)
            defaults[recipe, default] = (scores, time.perf_counter() - clock)
        pair = _paired(recipe, choice, default, ran=ran, theirs=defaults[recipe, default])
        print(" ".join(pair.cells()), file=sys.stderr, flush=True)
        yield pair


@dataclass(frozen=True)
class _Ran:
    """A run of ours."""

    store: Path
    facts: dict[str, Any]

    def artifact(self, stage: str, name: str) -> Path:
        """Folder of what a stage made."""
        step = next(step for step in self.facts["steps"] if step["stage"] == stage)
        digest = str(step["outputs"][name]["digest"])
        return self.store / digest[:2] / digest

    def columns(self) -> list[str]:
        """The columns that our features are made of."""
        from mlops.formats import Features

        return [item.name for item in Features(self.artifact("features", "features")).facts.inputs]

    def seconds(self, stage: str) -> float:
        """How long a stage took."""
        return next(float(step["seconds"]) for step in self.facts["steps"] if step["stage"] == stage)


def _run(folder: Path, recipe: str, choice: str, *, count: int) -> _Ran:
    words = ["run", f"recipe={recipe}", *choice.split(), f"executor.cpus={count}", "--to", "train", "--json"]
    _, said = output([program("mlops"), *words], folder=folder, env=threads(count))
    last = json.loads(said.strip().splitlines()[-1])
    facts = json.loads((folder / ".mlops" / "runs" / last["run"] / "run.json").read_text(encoding="utf-8"))
    return _Ran(folder / ".mlops" / "store" / "artifacts", facts)


def _paired(recipe: str, choice: str, default: str, *, ran: _Ran, theirs: tuple[Floats, float]) -> _Pair:
    """Compare on the test rows, drawing the same rows for both."""
    from mlops.formats import Model

    model = Model(ran.artifact("train", "model"))
    frame = model.predictions("test")
    target = frame["__target__"].to_numpy()
    ours = frame.select("^score_\\d+$").to_numpy()
    name = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "rmse"}[model.facts.task]
    sign = -1.0 if name == "rmse" else 1.0
    chance = np.random.default_rng(0)
    draws = [chance.integers(0, len(target), len(target)) for _ in range(_DRAWS)]
    gains = [
        sign * (_value(name, ours[rows], target[rows]) - _value(name, theirs[0][rows], target[rows])) for rows in draws
    ]
    low, high = (float(value) for value in np.quantile(gains, [0.025, 0.975]))
    values = (_value(name, ours, target), _value(name, theirs[0], target))
    return _Pair(recipe, choice, default, name, *values, low, high, (ran.seconds("train"), theirs[1]))


def _value(name: str, scores: Floats, target: np.ndarray[Any, Any]) -> float:
    if name == "rmse":
        return float(np.sqrt(np.mean((scores[:, 0] - target) ** 2)))
    if name == "accuracy":
        return float((scores.argmax(axis=1) == target).mean())
    from scipy.stats import rankdata

    ranks, positive = rankdata(scores[:, 1]), target == 1
    count = int(positive.sum())
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(target) - count)))


if __name__ == "__main__":
    main()
