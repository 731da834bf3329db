"""A fit that is killed at any moment ends with the weights of one that is left alone, to the bit."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.toy_project import Ended, Toy

ROOT = Path(__file__).parents[2]
TRIALS = Path(__file__).with_name("training_kills.py")


def trials(folder: Path, count: int, names: str, *, data: str = "auto") -> list[dict[str, Any]]:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    made = subprocess.run(
        [sys.executable, str(TRIALS), str(folder), str(count), names, data],
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


KILLS = 3

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
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(toy: Toy, ended: Ended) -> None:
    (toy.root / "recipes" / "points.yaml").write_text(PROJECT)
    chance = random.Random(1)
    points = [(chance.gauss(0, 1), chance.gauss(0, 1)) for _ in range(400)]
    lines = [f"{a:.6f},{b:.6f},{'yes' if a > b else 'no'}" for a, b in points]
    (toy.root / "data" / "points.csv").write_text("\n".join(["first,second,kind", *lines]) + "\n")
    for _ in range(KILLS):
        killed_while_it_trains(toy, ended)
    again = toy.run("recipe=points")
    assert [step["action"] for step in again["steps"]] == ["reuse"] * 3 + ["run"]
    epochs = [epoch_begun_with(log) for log in sorted((toy.root / ".mlops" / "runs").glob("*/log.txt"))]
    assert epochs[0] == 0
    assert sorted(set(epochs)) == epochs, "each goes on from further on"
    resumed = made(toy)
    shutil.rmtree(toy.root / ".mlops")
    toy.run("recipe=points")
    assert made(toy) == resumed


def killed_while_it_trains(toy: Toy, ended: Ended) -> None:
    """Start the run, and end it by SIGKILL once it has written three checkpoints."""
    before = newest(toy)
    process = toy.start("run", "recipe=points")
    ended(process)
    deadline = time.monotonic() + 300
    while newest(toy) < before + 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it trained to the end"


def newest(toy: Toy) -> int:
    """Give the number of the newest checkpoint, 0 without one."""
    folder = toy.root / ".mlops" / "store" / "checkpoints"
    return max((int(path.name.split("-")[1]) for path in folder.rglob("checkpoint-*.safetensors")), default=0)


def epoch_begun_with(log: Path) -> int:
    """Find the epoch with which a run went on; 0 when its training began anew."""
    found = re.search(r"goes on from the checkpoint of epoch (\d+)", log.read_text())
    return int(found[1]) if found else 0


def made(toy: Toy) -> dict[str, bytes]:
    """Read what is in the model."""
    (model,) = [folder for folder in toy.artifacts if list(folder.rglob("model.onnx"))]
    return {str(path.relative_to(model)): path.read_bytes() for path in model.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize("data", ["device", "stream"])
def test_many_killed_fits_end_with_the_same_weights(tmp_path: Path, name: str, data: str) -> None:
    found = trials(tmp_path, 6, name, data=data)
    assert all(trial["same"] for trial in found), found
    assert sum(trial["kills"] for trial in found) >= len(found)
