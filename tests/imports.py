"""What a command imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HEAVY = frozenset(
    {
        "bentoml",
        "dvc",
        "dvc_data",
        "lightgbm",
        "lightning",
        "matplotlib",
        "mlflow",
        "onnx",
        "optuna",
        "pandas",
        "ray",
        "scipy",
        "sklearn",
        "sqlalchemy",
        "starlette",
        "torch",
        "uvicorn",
        "whylogs",
        "xgboost",
    }
)
"""Libraries that only a stage at work may load."""

CORE = frozenset({"hydra", "numpy", "omegaconf", "onnxruntime", "polars", "pyarrow", "pydantic", "rich", "yaml"})
"""What we depend on ourselves, and help does not need."""

PROBE = """
import json, sys

class Watch:
    asked = set()
    def find_spec(self, name, path=None, target=None):
        self.asked.add(name.partition(".")[0])
        return None

sys.meta_path.insert(0, Watch())
from mlops.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as exc:
    code = exc.code
print()
print(json.dumps([code, sorted(Watch.asked | set(sys.modules))]))
"""
"""Says what was imported; an attempt counts too, so that a library need not be installed to be caught."""


def imported(root: Path, *words: str) -> set[str]:
    """Run a command that must succeed; name the top-level modules that it imported or tried to."""
    command = [sys.executable, "-c", PROBE, *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    code, names = json.loads(done.stdout.strip().splitlines()[-1])
    assert code == 0, done.stderr
    return set(names)
