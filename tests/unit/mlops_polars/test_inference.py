from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops.commands.data import main
from mlops.errors import ProjectError, StageError
from mlops_polars.inference import propose, propose_for, render_yaml
from mlops_polars.validate import Validated

ROOT = Path(__file__).parents[3]


def test_a_contract_says_types_nulls_choices_ranges_and_ids() -> None:
    frame = pl.DataFrame(
        {
            "id": range(200),
            "carrier": ["AA", "UA"] * 100,
            "delay": [float(n - 100) for n in range(200)],
            "late": [0, 1] * 100,
            "note": [None, *(f"text {n}" for n in range(199))],
            "when": [datetime(2013, 1, 1, tzinfo=UTC)] * 200,
            "tags": [["a"]] * 200,
        }
    )
    assert propose(frame)["columns"] == {
        "id": {"type": "int64", "nullable": False, "unique": True, "min": 0, "max": 219},
        "carrier": {"type": "string", "nullable": False, "allowed": ["AA", "UA"]},
        "delay": {"type": "float64", "nullable": False, "min": -120.0, "max": 119.0},
        "late": {"type": "int64", "nullable": False, "allowed": [0, 1]},
        "note": {"type": "string"},
        "when": {"type": "datetime", "nullable": False},
        "tags": {"nullable": False},
    }


def test_a_few_rows_make_no_choices_and_no_ids() -> None:
    assert propose(pl.DataFrame({"a": ["x", "y"], "b": [1, 2]}))["columns"] == {
        "a": {"type": "string", "nullable": False},
        "b": {"type": "int64", "nullable": False, "min": 0, "max": 3},
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    floats=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1),
    whole=st.lists(st.integers(-(2**53), 2**53), min_size=1),
    texts=st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3), min_size=1),
)
def test_a_table_meets_the_contract_proposed_for_it(
    judge: Callable[..., Validated], floats: list[float], whole: list[int], texts: list[str | None]
) -> None:
    rows = max(len(floats), len(whole), len(texts), 10)
    columns: dict[str, list[Any]] = {"f": floats, "w": whole, "t": texts}
    frame = pl.DataFrame(
        {name: (values * rows)[:rows] for name, values in columns.items()},
        schema={"f": pl.Float64, "w": pl.Int64, "t": pl.String},
    )
    contract = yaml.safe_load(render_yaml(propose(frame)))
    del contract["_target_"]
    assert all(rule["passed"] for rule in judge(frame, **contract).validation.rules)


@pytest.mark.parametrize("name", ["telco_churn", "diamonds"])
def test_a_shipped_table_meets_the_contract_proposed_for_it(judge: Callable[..., Validated], name: str) -> None:
    path = ROOT / "recipes" / "data" / f"{name}.parquet"
    assert all(rule["passed"] for rule in judge(pl.read_parquet(path), **propose_for(str(path))).validation.rules)


def test_a_contract_is_yaml_with_its_target_and_a_line_a_column() -> None:
    text = render_yaml(propose(pl.DataFrame({"churn": ["No", "Yes"] * 50})), source="a.csv")
    assert text.startswith("# What holds for a.csv today")
    assert "\n_target_: mlops_polars.validate.Validate\n" in text
    assert "\n  churn: {type: string, nullable: false, allowed: ['No', 'Yes']}\n" in text


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ProjectError, match=r"no contract can be proposed for 'a\.xlsx'"):
        propose_for("a.xlsx")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(StageError, match="the file is not there"):
        propose_for("nowhere.csv")


def test_the_command_prints_yaml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pl.DataFrame({"a": [1, 2]}).write_csv(tmp_path / "a.csv")
    assert main(["infer", str(tmp_path / "a.csv")]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["columns"] == {
        "a": {"type": "int64", "nullable": False, "min": 0, "max": 3}
    }


def test_the_command_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pl.DataFrame({"a": [1, 2]}).write_csv(tmp_path / "a.csv")
    assert main(["infer", str(tmp_path / "a.csv"), "--json", "--margin", "0"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found == {
        "extra_columns": "fail",
        "rows": {"min": 1},
        "columns": {"a": {"type": "int64", "nullable": False, "min": 1, "max": 2}},
    }
