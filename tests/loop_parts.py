"""A small project whose model is watched and retrained, and traffic without a server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.toy_project import Toy

RECIPE = """
# A model of one's own parts that is kept good: mlops monitor recipe=shop
defaults:
  - data: table
  - split: time
  - features: table
  - model: linear
  - train: default
  - evaluate: default
  - bundle: onnx
  - profile: default
  - registry: json
  - gates: default
  - register: default
  - deploy: default
  - target: file
  - strategy: at_once
  - monitor: {monitor}
  - retrain: {retrain}
stages: [data, split, features, train, evaluate, bundle, profile, gates, register, deploy]
data: {{path: data/rows/*.parquet, target: bought, task: binary, time: when}}
evaluate: {{bootstrap: 20}}
gates:
  rules:
    champion: {{resamples: 100, margin: 0.2}}
    latency: {{mode: off}}
"""
CHOICES = {
    "target/file": "release_parts.FileTarget",
    "strategy/at_once": "release_parts.AtOnce",
    "registry/json": "release_parts.JsonRegistry",
    "monitor/counting": "own_parts_of_a_loop.CountingMonitor",
    "retrain/eager": "own_parts_of_a_loop.EagerPolicy",
}
HERE = Path(__file__).parent


def rows(count: int, *, seed: int, month: int = 1) -> pl.DataFrame:
    """Rows of a month whose target follows x."""
    chance = np.random.default_rng(seed)
    x = chance.normal(size=count)
    minutes = pl.Series(np.arange(count) % 40_000)
    when = pl.datetime(2024, month, 1) + pl.duration(minutes=pl.lit(minutes))
    frame = pl.DataFrame({"x": x, "shop": chance.choice(["north", "south"], count)})
    bought = (x + chance.normal(size=count) > 0).astype(np.int8)
    return frame.with_columns(when.alias("when"), pl.Series("bought", bought))


def project(root: Path, *, monitor: str = "default", retrain: str = "default") -> Toy:
    """A project with a recipe, two months of data, and nothing run yet."""
    for name, target in CHOICES.items():
        path = root / "conf" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# A part of one's own: mlops run recipe=shop\n_target_: {target}\n")
    for folder in ("recipes", "plugins", "data/rows"):
        (root / folder).mkdir(parents=True)
    (root / "recipes" / "shop.yaml").write_text(RECIPE.format(monitor=monitor, retrain=retrain))
    for name in ("release_parts.py", "own_parts_of_a_loop.py"):
        shutil.copy(HERE / name, root / "plugins" / name)
    rows(600, seed=0).write_parquet(root / "data" / "rows" / "first.parquet")
    return Toy(root)


def asked(of: Toy, frame: pl.DataFrame, name: str, *, version: int = 1, labels: bool = True) -> None:
    """Log predictions of rows, and their labels, as a server does."""
    deployment = of.root / ".mlops" / "deployments" / "shop"
    for folder in ("requests", "feedback"):
        (deployment / folder).mkdir(exist_ok=True)
    said: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    for index, row in enumerate(frame.to_dicts()):
        label, when = row.pop("bought"), row["when"]
        chance = 1 / (1 + np.exp(-1.6 * row["x"]))
        answer = {"label": int(chance > 0.5), "score_0": 1 - chance, "score_1": chance}
        known = {"id": f"{name}-{index}", "time": when.timestamp()}
        sent = {**row, "when": when.isoformat()}
        said.append({**known, "version": version, "shadow": False, "ms": 0.1, "row": sent, "answer": answer})
        told.append({**known, "label": label})
    _write(deployment / "requests" / f"{name}.jsonl", said)
    if labels:
        _write(deployment / "feedback" / f"{name}.jsonl", told)


def _write(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
