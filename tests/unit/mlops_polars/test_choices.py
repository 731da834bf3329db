from __future__ import annotations

import ast
import inspect
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.stage import Stage
from mlops_polars.data import Data
from mlops_polars.split import Split
from mlops_polars.validate import Validate

CONF = Path(__file__).parents[3] / "conf"
STAGES: dict[str, type[Stage]] = {
    f"{stage.__module__}.{stage.__qualname__}": stage for stage in (Data, Validate, Split)
}
CHOICES = sorted(
    path.relative_to(CONF).as_posix()
    for group in ("data", "validate", "split")
    for path in (CONF / group).glob("*.yaml")
)


def section(choice: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CONF / choice).read_text())
    return {key: "data.csv" if value == "???" else value for key, value in loaded.items()}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_shipped_choice_is_a_valid_section(choice: str) -> None:
    keys = section(choice)
    assert STAGES[keys.pop("_target_")].model_validate(keys)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_shipped_choice_writes_out_the_defaults(choice: str) -> None:
    keys = section(choice)
    stage = STAGES[keys.pop("_target_")]
    written, bare = (
        stage.model_validate(keys),
        stage.model_validate({k: keys[k] for k in ("path", "method") if k in keys}),
    )
    free = {"test", "validation"}  # a share that is written is a share that is taken
    assert written.model_dump(exclude=free) == bare.model_dump(exclude=free)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_shipped_choice_opens_with_what_it_is_and_a_command(choice: str) -> None:
    first, second, third = (CONF / choice).read_text().splitlines()[:3]
    assert first.startswith("# ")
    assert "mlops run recipe=" in second
    assert third.startswith("_target_: ")


def test_stages_are_declared_without_heavy_libraries() -> None:
    code = (
        "import sys, mlops_polars.data, mlops_polars.validate, mlops_polars.split as s\n"
        "s.Split(method='time', validation_from='2013-01-01', test_from='2013-02-01')\n"
        "print([name for name in ('polars', 'numpy', 'pyarrow', 'sqlalchemy', 'fsspec') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("stage", STAGES.values())
def test_every_key_is_described(stage: type[Stage]) -> None:
    tree = ast.parse(inspect.getsource(sys.modules[stage.__module__])).body
    body = next(node for node in tree if isinstance(node, ast.ClassDef) and node.name == stage.__name__).body
    described = {
        str(ast.unparse(first.target))
        for first, second in itertools.pairwise(body)
        if isinstance(first, ast.AnnAssign) and isinstance(second, ast.Expr) and isinstance(second.value, ast.Constant)
    }
    assert set(stage.model_fields) <= described
