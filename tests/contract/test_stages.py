"""Every first-party stage keeps the stages' contract; the inputs are made by the stages above it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import polars as pl
import pytest

from mlops.formats.artifact import Artifact
from mlops.formats.table import Roles, Table
from mlops.plan.wiring import ports
from mlops.plugins import Plugins
from mlops.project import Project
from mlops.services.executor import Call, collect
from mlops.stage import Stage
from mlops.testing import StageContract, make_context

CHURN = str(Path(__file__).parents[2] / "recipes" / "data" / "telco_churn.parquet")
SECTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "data": ("mlops_polars.data.Data", {"path": CHURN, "limit": 600, "target": "churn", "task": "binary"}),
    "validate": ("mlops_polars.validate.Validate", {"columns": {"tenure": {"min": 0}}}),
    "split": ("mlops_polars.split.Split", {"method": "stratified", "test": 0.2, "validation": 0.2}),
    "features": ("mlops_features.features.Features", {}),
    "train": ("mlops_train.train.Train", {"model": {"_target_": "mlops_sklearn.linear.Linear", "strength": 1.0}}),
    "evaluate": ("mlops_evaluate.evaluate.Evaluate", {"bootstrap": 20}),
    "bundle": ("mlops_onnx.bundle.Bundle", {}),
    "parity": ("mlops_onnx.parity.Parity", {"single_rows": 5}),
}
HISTORY: tuple[str, dict[str, Any]] = (
    "mlops_history.history.History",
    {"entity": "customer", "columns": {"orders": {"function": "count", "window": "2d"}}},
)
"""It takes a second table, which no stage above it makes."""


@cache
def _workshop() -> Path:
    """Folder of everything that the stages make here."""
    return Path(mkdtemp(prefix="contract-"))


@pytest.fixture(scope="module", autouse=True)
def tidied() -> Iterator[None]:
    """Leave nothing behind."""
    yield
    shutil.rmtree(_workshop())
    _made.cache_clear()
    _workshop.cache_clear()


@cache
def _made(name: str) -> dict[str, Artifact]:
    """Outputs of every stage up to the named one: output → handle, later ones in front."""
    folder = _workshop() / name
    above = list(SECTIONS)[: list(SECTIONS).index(name)]
    known = dict(_made(above[-1])) if above else {}
    stage = _stage(name)
    found = ports(type(stage))
    inputs = {key: known[key] for key in found.inputs}
    call = Call(stage, name, {}, inputs, found.outputs, make_context(folder, seed=7), folder)
    return {**known, **{key: found.outputs[key](path) for key, path in collect(call).items()}}


def _stage(name: str) -> Stage:
    return _resolved(*SECTIONS[name])


def _resolved(target: str, keys: dict[str, Any]) -> Stage:
    plugins = Plugins(Project.here().plugins)
    stage = plugins.resolve(target, Stage).model_validate(keys, context={"resolve": plugins.resolve})
    assert isinstance(stage, Stage)
    return stage


class _FirstParty(StageContract):
    section: str

    def stage(self) -> Stage:
        return _stage(self.section)

    def inputs(self, folder: Path) -> Mapping[str, Artifact]:
        above = list(SECTIONS)[: list(SECTIONS).index(self.section)]
        known = _made(above[-1]) if above else {}
        wanted = ports(type(self.stage())).inputs
        for name in wanted:
            shutil.copytree(known[name].folder, folder / name)
        return {name: kind(folder / name) for name, kind in wanted.items()}


class TestData(_FirstParty):
    section = "data"


class TestValidate(_FirstParty):
    section = "validate"


class TestHistory(StageContract):
    def stage(self) -> Stage:
        return _resolved(*HISTORY)

    def inputs(self, folder: Path) -> Mapping[str, Artifact]:
        days = [date(2024, 1, day) for day in (3, 1, 2, 3)]
        frame = pl.DataFrame({"customer": ["a", "b", "a", "a"], "day": days})
        for name in ("table", "events"):
            (folder / name).mkdir()
        return {name: Table.create(folder / name, frame, roles=Roles(time="day")) for name in ("table", "events")}


class TestSplit(_FirstParty):
    section = "split"


class TestFeatures(_FirstParty):
    section = "features"


class TestTrain(_FirstParty):
    section = "train"


class TestEvaluate(_FirstParty):
    section = "evaluate"


class TestBundle(_FirstParty):
    section = "bundle"


class TestParity(_FirstParty):
    section = "parity"


def test_every_stage_that_is_installed_is_held_to_the_contract() -> None:
    tested = {target for target, _ in (*SECTIONS.values(), HISTORY)}
    assert {target for target, _ in Plugins(Path("nowhere")).parts(Stage)} == tested


pytestmark = pytest.mark.filterwarnings("error")
