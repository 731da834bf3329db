"""A fit that is killed at any moment ends with the weights of one that is left alone, to the bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_a_killed_fit_ends_with_the_same_weights(tmp_path: Path, signal: str) -> None:
    (found,) = trials(tmp_path, 1, signal)
    assert found["same"], found
    assert found["kills"]


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize("data", ["device", "stream"])
def test_many_killed_fits_end_with_the_same_weights(tmp_path: Path, signal: str, data: str) -> None:
    found = trials(tmp_path, 9, signal, data=data)
    assert all(trial["same"] for trial in found), found
    assert sum(trial["kills"] for trial in found) >= len(found)
