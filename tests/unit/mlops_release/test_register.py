from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import StageError
from mlops.formats.artifact import Artifact
from mlops.formats.registration import Registration
from mlops.formats.verdict import Verdict
from mlops.services.registry import CHALLENGER, CHAMPION, NewVersion
from mlops.stage import Context, Place
from mlops.testing import StageContract
from mlops.testing.evidence import make_evidence
from mlops_release.register import Register
from tests.release_parts import JsonRegistry


class Shop:
    """Bundles that passed, and a registry for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = Place(folder, folder / ".mlops", "shop", "run-1")
        self.registry = JsonRegistry()
        self.deeds: list[tuple[str, str, Mapping[str, Any]]] = []

    def register(self, name: str, *, slope: float = 1.0, **keys: Any) -> Registration:
        known = make_evidence(self.folder / name, slope=slope)
        verdict = make_verdict(self.folder / name / "verdict", known.context.digests["bundle"])
        stage = Register(registry=self.registry, **keys)
        return stage.run(known.bundle, verdict, known.evaluation, context=self.context(known.context))

    def context(self, context: Context) -> Context:
        return replace(
            context,
            place=self.place,
            on_audit=lambda action, subject, facts: self.deeds.append((action, subject, facts)),
        )

    def holder(self, alias: str) -> int | None:
        found = self.registry.holder("shop", alias, self.place)
        return found.version if found else None


def make_verdict(folder: Path, candidate: str, *, passed: bool = True) -> Verdict:
    folder.mkdir()
    facts = {"passed": passed, "model": "shop", "candidate": candidate, "champion": None, "gates": []}
    return Verdict.create(folder, facts, fragment="")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


class TestContract(StageContract):
    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def stage(self) -> Register:
        return Register(model="small", registry=JsonRegistry())

    def inputs(self, folder: Path) -> Mapping[str, Artifact]:
        made = make_evidence(folder / "made")
        for name in ("bundle", "evaluation"):
            shutil.move(folder / "made" / name, folder / name)
        shutil.rmtree(folder / "made")
        verdict = make_verdict(folder / "verdict", "")
        return {
            "bundle": type(made.bundle)(folder / "bundle"),
            "evaluation": type(made.evaluation)(folder / "evaluation"),
            "verdict": verdict,
        }


def test_a_version_has_the_name_of_the_recipe_and_what_was_measured(shop: Shop) -> None:
    facts = shop.register("first").facts
    assert (facts["model"], facts["version"], facts["alias"]) == ("shop", 1, CHALLENGER)
    kept = shop.registry.versions("shop", shop.place)[0]
    assert (kept.digest, kept.run, kept.recipe) == (facts["digest"], "run-1", "shop")
    assert set(kept.metrics) == {"accuracy", "brier"}
    assert (kept.facts["headline"], kept.facts["threshold"]) == ("accuracy", "0.5")
    assert [(action, subject) for action, subject, _ in shop.deeds] == [("register", "model/shop")]


def test_a_bundle_registered_again_keeps_its_number_and_is_not_written_down_twice(shop: Shop) -> None:
    assert shop.register("first").facts == shop.register("again").facts
    assert len(shop.deeds) == 1


@pytest.mark.parametrize(
    ("promote", "alias", "holders"),
    [
        ("after_deployment", CHALLENGER, (None, 1)),
        ("at_once", CHAMPION, (1, None)),
        ("never", "", (None, None)),
    ],
)
def test_the_alias_follows_from_when_it_is_promoted(
    shop: Shop, promote: str, alias: str, holders: tuple[int | None, int | None]
) -> None:
    assert shop.register("first", promote=promote).facts["alias"] == alias
    assert (shop.holder(CHAMPION), shop.holder(CHALLENGER)) == holders


@pytest.mark.parametrize("promote", ["after_deployment", "at_once"])
def test_an_older_version_is_not_put_above_a_newer_champion(
    shop: Shop, promote: str, caplog: pytest.LogCaptureFixture
) -> None:
    shop.register("first", promote=promote)
    shop.register("second", slope=2.0, promote="at_once")
    shop.register("first again", promote=promote)
    assert (shop.holder(CHAMPION), shop.holder(CHALLENGER)) == (2, 1 if promote == "after_deployment" else None)
    assert "mlops models promote shop 1" in caplog.text


def test_a_verdict_about_another_bundle_is_refused(shop: Shop, tmp_path: Path) -> None:
    known = make_evidence(tmp_path / "first")
    other = make_verdict(tmp_path / "verdict", "0" * 64)
    with pytest.raises(StageError, match="the verdict is about another bundle"):
        Register(registry=shop.registry).run(known.bundle, other, known.evaluation, context=shop.context(known.context))


def test_a_refused_bundle_is_not_registered(shop: Shop, tmp_path: Path) -> None:
    known = make_evidence(tmp_path / "first")
    refused = make_verdict(tmp_path / "verdict", known.context.digests["bundle"], passed=False)
    with pytest.raises(StageError, match="refuses this bundle"):
        Register(registry=shop.registry).run(
            known.bundle, refused, known.evaluation, context=shop.context(known.context)
        )
    assert shop.registry.models(shop.place) == ()


def test_a_registration_stands_while_its_version_is_there(shop: Shop) -> None:
    made = {"registration": shop.register("first")}
    stage = Register(registry=shop.registry)
    assert stage.stands(made, shop.place) == ""
    assert "not as other" in Register(registry=shop.registry, model="other").stands(made, shop.place)
    (shop.place.state / "models.json").unlink()
    assert stage.stands(made, shop.place) == "version 1 of shop is no longer registered"
    shop.registry.register(NewVersion("shop", "f" * 64, shop.folder), shop.place)
    assert stage.stands(made, shop.place) == "version 1 of shop is no longer registered"


@pytest.mark.parametrize("name", ["", "../up", "a/b", "-a", "a b", "x" * 101])
def test_a_model_cannot_be_called_anything(name: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Register(registry=JsonRegistry(), model=name)
