"""The versions that a worker holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlops.errors import MlopsError
from mlops.services.registry import ModelVersion
from mlops.services.target import Served
from mlops_serve.declaration import Declaration
from mlops_serve.fleet import Fleet
from mlops_serve.loaded import load, same_signature
from tests.serving import ROW, make_bundle, make_version


def served(version: ModelVersion, *, share: float = 1.0, shadow: bool = False) -> Served:
    return Served(version.model, version.version, version.digest, str(version.folder), share, shadow)


def declared(*versions: Served, revision: int = 1) -> Declaration:
    return Declaration("toy", revision, "steady", versions, {}, {})


@pytest.fixture
def versions(tmp_path: Path) -> list[ModelVersion]:
    return [make_version(tmp_path / f"v{number}", number, factor=float(number)) for number in (1, 2)]


def test_it_holds_what_is_declared(tmp_path: Path, versions: list[ModelVersion]) -> None:
    fleet = Fleet("toy")
    fleet.apply(declared(served(versions[1], share=0.25), served(versions[0], share=0.75)), tmp_path)
    assert fleet.routes is not None
    assert [item.served.version for item in fleet.routes.live] == [2, 1]
    assert fleet.routes.leading.served.version == 1
    assert [item.answer(ROW)["prediction"] for item in fleet.routes.live] == [7.0, 4.0]


def test_a_version_that_stays_is_not_loaded_again(tmp_path: Path, versions: list[ModelVersion]) -> None:
    fleet = Fleet("toy")
    fleet.apply(declared(served(versions[0])), tmp_path)
    assert fleet.routes is not None
    scorer = fleet.routes.leading.scorer
    fleet.apply(declared(served(versions[1], share=0.1), served(versions[0], share=0.9), revision=2), tmp_path)
    assert fleet.routes.leading.scorer is scorer
    assert fleet.routes.leading.served.share == 0.9


def test_the_old_routes_stay_when_a_version_is_damaged(tmp_path: Path, versions: list[ModelVersion]) -> None:
    fleet = Fleet("toy")
    fleet.apply(declared(served(versions[0])), tmp_path)
    before = fleet.routes
    (versions[1].folder / "model.onnx").write_bytes(b"")
    with pytest.raises(MlopsError, match=r"model.onnx was changed"):
        fleet.apply(declared(served(versions[1]), revision=2), tmp_path)
    assert fleet.routes is before


def test_a_shadow_is_held_beside_the_others(tmp_path: Path, versions: list[ModelVersion]) -> None:
    fleet = Fleet("toy")
    fleet.apply(declared(served(versions[1], share=0.0, shadow=True), served(versions[0])), tmp_path)
    assert fleet.routes is not None
    assert ([i.served.version for i in fleet.routes.live], [i.served.version for i in fleet.routes.shadows]) == (
        [1],
        [2],
    )


def test_no_version_that_answers_is_no_deployment(tmp_path: Path, versions: list[ModelVersion]) -> None:
    with pytest.raises(MlopsError, match="no version that answers"):
        Fleet("toy").apply(declared(served(versions[0], shadow=True)), tmp_path)


def test_another_artifact_is_not_loaded(tmp_path: Path, versions: list[ModelVersion]) -> None:
    other = replace(served(versions[0]), digest=versions[1].digest)
    with pytest.raises(MlopsError, match="not the artifact"):
        load(other, tmp_path)


def test_signatures_are_compared_for_those_who_ask(tmp_path: Path) -> None:
    one = make_bundle(tmp_path / "one").signature
    other = make_bundle(tmp_path / "other", column="z").signature
    assert same_signature(one, one) == ""
    assert same_signature(one, other) == "it does not take 'z', it needs 'x'"
    assert same_signature({**one, "classes": ["a"]}, one) == "classes ['a'] instead of []"
