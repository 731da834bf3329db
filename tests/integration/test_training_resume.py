"""A fit that is killed at any moment ends with the weights of one that is left alone, to the bit."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.toy_project import Ended, Toy

ROOT = Path(__file__).parents[2]
TRIALS = Path(__file__).with_name("training_kills.py")


def trials(folder: Path, count: int, signal: str, *, data: str = "auto") -> list[dict[str, Any]]:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    made = subprocess.run(
        [sys.executable, str(TRIALS), str(folder), str(count), signal, data],
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'plugins'}{os.pathsep}{ROOT}",
            "OMP_NUM_THREADS": "1",
            "TMPDIR": str(elsewhere),
        },
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    found: list[dict[str, Any]] = json.loads(made.stdout)
    return found


def test_a_killed_fit_ends_with_the_same_weights(tmp_path: Path) -> None:
    found = trials(tmp_path, 2, "SIGKILL,SIGTERM")
    assert all(trial["same"] and trial["kills"] for trial in found), found


PROJECT = """
defaults:
  - data: table
  - split: random
  - features: table
  - model: mlp
  - train: default

stages: [data, split, features, train]
seed: 5

data:
  path: data/points.csv
  target: kind
  task: binary

model:
  hidden: [16]
  epochs: 60
  patience: 0
  batch_size: 8
  average: ema
  checkpoint: {every_steps: 40}
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_run_goes_on_from_the_checkpoint_of_its_training(toy: Toy, ended: Ended) -> None:
    (toy.root / "recipes" / "points.yaml").write_text(PROJECT)
    chance = random.Random(1)
    points = [(chance.gauss(0, 1), chance.gauss(0, 1)) for _ in range(400)]
    lines = [f"{a:.6f},{b:.6f},{'yes' if a > b else 'no'}" for a, b in points]
    (toy.root / "data" / "points.csv").write_text("\n".join(["first,second,kind", *lines]) + "\n")
    process = toy.start("run", "recipe=points")
    ended(process)
    folder = toy.root / ".mlops" / "store" / "checkpoints"
    deadline = time.monotonic() + 300
    while not list(folder.rglob("checkpoint-*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    again = toy.run("recipe=points")
    assert [step["action"] for step in again["steps"]] == ["reuse"] * 3 + ["run"]
    log = max((toy.root / ".mlops" / "runs").glob("*/log.txt")).read_text()
    assert "goes on from the checkpoint" in log
    resumed = made(toy)
    shutil.rmtree(toy.root / ".mlops")
    toy.run("recipe=points")
    assert made(toy) == resumed


def made(toy: Toy) -> dict[str, bytes]:
    """Read what is in the model."""
    (model,) = [folder for folder in toy.artifacts if list(folder.rglob("model.onnx"))]
    return {str(path.relative_to(model)): path.read_bytes() for path in model.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize("data", ["device", "stream"])
def test_many_killed_fits_end_with_the_same_weights(tmp_path: Path, signal: str, data: str) -> None:
    found = trials(tmp_path, 6, signal, data=data)
    assert all(trial["same"] for trial in found), found
    assert sum(trial["kills"] for trial in found) >= len(found)
