"""Every first-party stage keeps the stages' contract; the inputs are made by the stages above it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
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
from mlops.stage import Context, Place, Stage
from mlops.store.manifest import MANIFEST, digest_of
from mlops.testing import StageContract, make_context
from mlops.testing.evidence import seal
from tests.release_parts import AtOnce, FileTarget, JsonRegistry

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
    "profile": ("mlops_whylogs.profile.Profile", {}),
    "gates": (
        "mlops_release.gates.Gates",
        {
            "registry": JsonRegistry(),
            "rules": {
                "champion": {"_target_": "mlops_release.champion.BeatsChampion"},
                "quality": {"_target_": "mlops_release.threshold.Threshold", "metric": "roc_auc", "least": 0.6},
            },
        },
    ),
    "register": ("mlops_release.register.Register", {"registry": JsonRegistry()}),
    "package": ("mlops_serve.bento.Bento", {"name": "churn"}),
    "deploy": (
        "mlops_release.deploy.Deploy",
        {"registry": JsonRegistry(), "target": FileTarget(), "strategy": AtOnce()},
    ),
}
HISTORY: tuple[str, dict[str, Any]] = (
    "mlops_history.history.History",
    {"entity": "customer", "columns": {"orders": {"function": "count", "window": "2d"}}},
)
"""It takes a second table, which no stage above it makes."""

ELSEWHERE = {"mlops_ensemble.blend.Blend"}
"""Takes any number of models; held to the contract beside its own tests."""


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
    call = Call(stage, name, {}, inputs, found.outputs, _context(folder, name), folder)
    made = {key: found.outputs[key](path) for key, path in collect(call).items()}
    for artifact in made.values():
        seal(artifact.folder)
    return {**known, **made}


def _context(folder: Path, name: str) -> Context:
    """What the named stage works with: one project for all, and the digests of its inputs."""
    above = list(SECTIONS)[: list(SECTIONS).index(name)]
    known = _made(above[-1]) if above else {}
    digests = {key: _digest(known[key].folder) for key in ports(type(_stage(name))).inputs}
    place = Place(_workshop(), _workshop() / ".mlops", "churn", "run-1")
    return replace(make_context(folder, seed=7), place=place, digests=digests)


def _digest(folder: Path) -> str:
    return digest_of((folder / MANIFEST).read_bytes())


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

    def context(self, folder: Path, *, cpus: int = 1) -> Context:
        return replace(_context(folder, self.section), cpus=cpus)

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


class TestProfile(_FirstParty):
    section = "profile"


class TestGates(_FirstParty):
    section = "gates"


class TestRegister(_FirstParty):
    section = "register"


class TestPackage(_FirstParty):
    section = "package"


class TestDeploy(_FirstParty):
    section = "deploy"


def test_every_stage_that_is_installed_is_held_to_the_contract() -> None:
    tested = {target for target, _ in (*SECTIONS.values(), HISTORY)}
    assert {target for target, _ in Plugins(Path("nowhere")).parts(Stage)} == tested | ELSEWHERE


pytestmark = pytest.mark.filterwarnings("error")
