"""A bundle where nothing is installed but what scoring needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import polars as pl
import pytest

from mlops.formats import Bundle

ROOT = Path(__file__).parents[2]

LEFT_OUT = ("torch", "lightning", "sklearn", "scipy", "lightgbm", "xgboost", "onnx", "skl2onnx", "pandas")

SCORE = """
import importlib.util, json, sys, time
from pathlib import Path
missing = [name for name in sys.argv[2:] if importlib.util.find_spec(name) is None]
import onnxruntime, polars as pl
from mlops.formats.bundle import Bundle
began = time.perf_counter()
bundle = Bundle(Path(sys.argv[1]))
scorer = bundle.scorer()
loaded = time.perf_counter() - began
row = scorer.score_row(bundle.signature["example"])
frame = scorer.score_rows([bundle.signature["example"]] * 2)
print(json.dumps({"missing": missing, "loaded": loaded, "row": row, "same": frame.row(0, named=True) == row}))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment that holds the wheel and its own dependencies, no extra."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    home = out / "environment"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    wheel = next(out.glob("*.whl"))
    install = [str(python), "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), str(wheel)]
    installed = subprocess.run(install, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr
    return python


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """What the recipe churn ships, made with everything that training needs."""
    root = tmp_path_factory.mktemp("project")
    made = subprocess.run(
        [sys.executable, "-m", "mlops", "run", "recipe=churn", "--to", "bundle", "--json"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    run = next((root / ".mlops" / "runs").glob("*/run.json"))
    steps = json.loads(run.read_text())["steps"]
    digest = next(step["outputs"]["bundle"]["digest"] for step in steps if step["stage"] == "bundle")
    return Bundle(root / ".mlops" / "store" / "artifacts" / digest[:2] / digest)


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_bundle_scores_where_no_training_library_is_installed(python: Path, bundle: Bundle, tmp_path: Path) -> None:
    command = [str(python), "-c", SCORE, str(bundle.folder), *LEFT_OUT]
    done = subprocess.run(command, cwd=tmp_path, env=clean(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["missing"] == list(LEFT_OUT)
    assert facts["same"]
    assert facts["row"] == bundle.scorer().score_row(bundle.signature["example"])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_file_is_predicted_where_no_training_library_is_installed(
    python: Path, bundle: Bundle, tmp_path: Path
) -> None:
    rows = pl.read_parquet(ROOT / "recipes" / "data" / "telco_churn.parquet")[:500]
    rows.write_csv(tmp_path / "in.csv")
    rows.write_parquet(tmp_path / "in.parquet")
    for kind in ("csv", "parquet"):
        words = [f"model={bundle.folder}", f"input=in.{kind}", f"output={kind}.csv", "--json"]
        command = [str(python.with_name("mlops")), "predict", *words]
        done = subprocess.run(command, cwd=tmp_path, env=clean(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["rows"] == 500
    native = bundle.predict(rows)
    assert pl.read_csv(tmp_path / "parquet.csv")["label"].to_list() == native["label"].to_list()
    assert (tmp_path / "csv.csv").read_bytes() == (tmp_path / "parquet.csv").read_bytes()
