"""The wheel alone, in a new environment, outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(out.glob("*.whl"))


def test_the_wheel_carries_recipes_config_data_and_plugins(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in ROOT.glob("recipes/*.yaml"):
        assert f"mlops/share/recipes/{path.name}" in names
    for path in ROOT.glob("conf/**/*.yaml"):
        assert f"mlops/share/{path.relative_to(ROOT).as_posix()}" in names
    assert "mlops/share/recipes/data/telco_churn.parquet" in names
    assert {path.name for path in ROOT.glob("plugins/mlops_*")} <= {name.split("/")[0] for name in names}
    assert not [
        name for name in names if name.startswith(("tests/", "benchmarks/", ".mlops/")) or "__pycache__" in name
    ]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_new_environment_needs_nothing_but_the_wheel(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    install = [str(python), "-m", "pip", "install", "--quiet", "-c", str(constraints), f"mlops[all] @ {wheel.as_uri()}"]
    assert subprocess.run(install, capture_output=True, text=True, check=False).returncode == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for words, expected in (
        (["check", "recipe=flights"], 0),
        (["run", "recipe=churn"], 0),
        (["run", "recipe=nope"], 2),
    ):
        done = subprocess.run(
            [str(home / "bin" / "mlops"), *words], cwd=elsewhere, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == expected, done.stdout + done.stderr
    assert list((elsewhere / ".mlops" / "runs").iterdir())


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_light_core_plans_and_names_the_extra_that_a_stage_lacks(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    constraints = ROOT / "constraints.txt"
    install = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "-c", str(constraints), str(wheel)]
    assert subprocess.run(install, capture_output=True, text=True, check=False).returncode == 0
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    program = str(home / "bin" / "mlops")
    planned = subprocess.run(
        [program, "plan", "recipe=churn"], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
    )
    assert planned.returncode == 0, planned.stderr
    ran = subprocess.run(
        [program, "run", "recipe=churn"], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
    )
    assert ran.returncode != 0
    assert "pip install 'mlops[" in ran.stderr
