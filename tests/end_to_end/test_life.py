"""The whole life of a model from one recipe: from the file to an answer over HTTP, and all of it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.imports import HEAVY, imported
from tests.serving import Client
from tests.toy_project import Toy

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[2] / "recipes" / "data" / "telco_churn.parquet"


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    """A project in which churn was run to its end; its server is stopped afterwards."""
    project = Toy(tmp_path_factory.mktemp("life"))
    (project.root / "recipes").mkdir()
    try:
        project.run("recipe=churn")
        yield project
    finally:
        project("stop", "churn")


@pytest.fixture
def client(life: Toy) -> Iterator[Client]:
    """One who asks the deployed model."""
    made = Client(status(life)["url"])
    yield made
    made.close()


def status(project: Toy) -> dict[str, Any]:
    found: dict[str, Any] = project("status", "churn", "--json").last
    return found


def outputs(project: Toy, stage: str) -> dict[str, Path]:
    """Folders of what the last run holds of a stage."""
    steps = project("runs", "show", "last", "--json").last["steps"]
    made = next(step["outputs"] for step in steps if step["stage"] == stage)
    store = project.root / ".mlops" / "store" / "artifacts"
    return {name: store / item["digest"][:2] / item["digest"] for name, item in made.items()}


def test_the_first_version_is_registered_packaged_and_serves_as_champion(life: Toy) -> None:
    bundle = outputs(life, "bundle")["bundle"]
    version = life("models", "show", "churn@champion", "--json").last
    assert (version["version"], version["digest"]) == (1, bundle.name)
    packed = outputs(life, "package")["package"] / "content"
    assert next(packed.rglob("model.onnx")).read_bytes() == (bundle / "model.onnx").read_bytes()
    served = status(life)
    assert served["phase"] == "steady"
    assert [(item["digest"], item["share"]) for item in served["served"]] == [(bundle.name, 1.0)]


def test_an_answer_over_http_is_what_predict_writes_for_the_same_row(life: Toy, client: Client) -> None:
    row = pl.read_parquet(DATA).drop("churn")[:1]
    row.write_parquet(life.root / "row.parquet")
    words = ("predict", "model=churn", "input=row.parquet", "output=scored.parquet", "overwrite=true")
    assert life(*words).code == 0
    code, answer = client.ask("POST", "/predict", row.to_dicts()[0])
    assert code == 200
    assert answer["prediction"] == pl.read_parquet(life.root / "scored.parquet").to_dicts()[0]


def test_a_second_run_reuses_everything_and_loads_no_heavy_library(life: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    before = status(life)["facts"]["pid"]
    assert set(life.actions("recipe=churn").values()) == {"reuse"}
    monkeypatch.setenv("MLOPS_NO_TRACKING", "0")
    assert imported(life.root, "run", "recipe=churn") & HEAVY == set()
    assert status(life)["facts"]["pid"] == before


def test_the_run_is_reproduced_bit_for_bit_up_to_its_effects(life: Toy) -> None:
    answer = life("reproduce", "last", "--json")
    assert answer.code == 0, answer.out
    assert answer.last["equal"] is True
    compared = {item["stage"] for item in answer.last["compared"]}
    assert compared >= {"data", "train", "bundle", "parity", "profile", "package"}
    assert not compared & {"gates", "register", "deploy"}


def test_every_deed_is_in_the_audit_log(life: Toy) -> None:
    told = life("models", "history", "churn", "--json")
    assert told.code == 0, told.err
    deeds = [(deed["action"], deed["subject"]) for deed in told.last["deeds"]]
    assert deeds == [("register", "model/churn"), ("deploy", "deployment/churn"), ("promote", "model/churn")]


def test_a_model_that_is_worse_is_refused_and_the_champion_goes_on_serving(life: Toy) -> None:
    refused = life("run", "recipe=churn", "features.drop=[tenure,contract,internet_service,*charges*]", "--json")
    assert refused.code == 1
    assert "gates" in json.loads(refused.out.strip().splitlines()[-1])["steps"][9]["stage"]
    assert [item["version"] for item in status(life)["served"]] == [1]
    assert [item["version"] for item in life("models", "show", "churn", "--json").last] == [1]


def test_a_deployment_that_was_stopped_is_released_again_by_the_next_run(life: Toy) -> None:
    assert life("stop", "churn").code == 0
    assert {name for name, action in life.actions("recipe=churn").items() if action == "run"} == {"deploy"}
    assert status(life)["phase"] == "steady"
