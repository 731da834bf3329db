"""The shipped recipes for pictures and texts, from the file to a bundle that is proven."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

RUNS = {
    "digits": (["recipe=digits", "model.epochs=15"], "evaluate.test.macro_f1", 0.93),
    "spam": (["recipe=spam", "model.epochs=4"], "evaluate.test.roc_auc", 0.99),
    "fashion": (["recipe=fashion", "data.limit=3000", "model=cnn", "model.epochs=3"], "evaluate.test.macro_f1", 0.6),
    "churn": (["recipe=churn", "model=mlp", "model.epochs=5", "--to", "parity"], "evaluate.test.roc_auc", 0.82),
}
"""Recipe → its overrides, a metric, and what a model that has learnt surely reaches."""


def run(folder: Path, words: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "mlops", *words], cwd=folder, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@pytest.mark.parametrize("name", RUNS)
def test_a_recipe_ends_in_a_bundle_that_predicts_as_its_network_does(name: str, tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    words, metric, least = RUNS[name]
    said = run(tmp_path, ["run", *words, "--json"])
    assert said["metrics"][metric] > least
    assert said["metrics"]["parity.largest_difference"] < 1e-4
    assert [step["stage"] for step in said["steps"]][-1] == "parity"
