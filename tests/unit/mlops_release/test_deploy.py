from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlops.errors import ArtifactDamaged, ProjectError, StageError
from mlops.formats import Bundle
from mlops.formats.artifact import Artifact
from mlops.formats.deployment import Deployment
from mlops.formats.registration import Registration
from mlops.services.promotion import promote
from mlops.services.registry import CHALLENGER, CHAMPION, ModelVersion, NewVersion
from mlops.services.target import Deployed
from mlops.stage import Context, Place
from mlops.testing import StageContract
from mlops.testing.evidence import make_bundle, seal
from mlops_release.deploy import Deploy
from tests.release_parts import AtOnce, FileTarget, JsonRegistry


class Shop:
    """Registered versions, and a target for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = Place(folder, folder / ".mlops", "shop", "run-1")
        self.registry, self.target = JsonRegistry(), FileTarget()
        self.deeds: list[tuple[str, str, Mapping[str, Any]]] = []

    def deploy(self, version: int, *, ends: str = "steady", alias: str = CHALLENGER, **keys: Any) -> Deployment:
        stage = self.stage(ends=ends, **keys)
        folder, digest = self.bundle(version)
        self.registry.register(NewVersion("shop", digest, folder), self.place)
        work = self.folder / f"work-{len(list(self.folder.iterdir()))}"
        work.mkdir()
        registration = Registration.create(
            work, {"model": "shop", "version": version, "digest": digest, "alias": alias}
        )
        context = Context(
            work,
            place=self.place,
            digests={"bundle": digest},
            on_audit=lambda action, subject, facts: self.deeds.append((action, subject, facts)),
        )
        return stage.run(registration, Bundle(work), context=context)

    def bundle(self, version: int) -> tuple[Path, str]:
        """Something like a bundle, different for each version."""
        folder = self.folder / "bundles" / str(version)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_text(f"version {version}")
        return folder, seal(folder)

    def stage(self, *, ends: str = "steady", **keys: Any) -> Deploy:
        return Deploy(target=self.target, strategy=AtOnce(ends=ends), registry=self.registry, **keys)

    def holder(self, alias: str) -> int | None:
        found = self.registry.holder("shop", alias, self.place)
        return found.version if found else None

    @property
    def now(self) -> Deployed:
        return self.target.status("shop", self.place)

    @property
    def serves(self) -> int | None:
        return self.now.leading.version if self.now.leading else None

    def keep(self, phase: str) -> None:
        """Let the target say that the deployment is in a phase."""
        FileTarget()._keep("shop", self.place, {**FileTarget()._kept("shop", self.place), "phase": phase})


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


class TestContract(StageContract):
    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        made = make_bundle(tmp_path / "registered").folder
        JsonRegistry().register(NewVersion("shop", seal(made), made), Place())

    def stage(self) -> Deploy:
        return Deploy(target=FileTarget(), strategy=AtOnce(), registry=JsonRegistry())

    def inputs(self, folder: Path) -> Mapping[str, Artifact]:
        (folder / "registration").mkdir()
        digest = JsonRegistry().versions("shop", Place())[0].digest
        facts = {"model": "shop", "version": 1, "digest": digest, "alias": CHALLENGER}
        return {
            "registration": Registration.create(folder / "registration", facts),
            "bundle": make_bundle(folder / "bundle"),
        }


def test_what_leads_a_deployment_becomes_the_champion(shop: Shop) -> None:
    made = shop.deploy(1)
    assert made.facts == {"name": "shop", "target": "file", "model": "shop", "version": 1, "digest": shop.bundle(1)[1]}
    assert (shop.serves, shop.holder(CHAMPION), shop.holder(CHALLENGER)) == (1, 1, None)
    assert [(action, subject, facts["version"]) for action, subject, facts in shop.deeds] == [
        ("deploy", "deployment/shop", 1)
    ]


def test_a_version_that_is_still_rolled_out_stays_the_challenger(shop: Shop) -> None:
    shop.deploy(1)
    shop.deploy(2, ends="rolling")
    assert (shop.holder(CHAMPION), shop.holder(CHALLENGER)) == (1, 2)


class Ends(FileTarget):
    """A target whose rollout is over at the second look."""

    def status(self, name: str, place: Place) -> Deployed:
        """Look."""
        found = super().status(name, place)
        looks = place.state / "looks"
        count = len(looks.read_text()) if looks.exists() else 0
        looks.write_text("x" * (count + 1))
        return replace(found, phase="steady") if count else found


def test_a_rollout_is_waited_for(shop: Shop) -> None:
    shop.target = Ends()
    shop.deploy(1, ends="rolling", wait="1h")
    assert shop.holder(CHAMPION) == 1


def test_an_aborted_rollout_fails_the_stage_and_the_challenger_loses_its_alias(shop: Shop) -> None:
    shop.deploy(1)
    with pytest.raises(StageError, match="the rollout of version 2 to shop was aborted: too many errors"):
        shop.deploy(2, ends="aborted")
    assert (shop.serves, shop.holder(CHAMPION), shop.holder(CHALLENGER)) == (1, 1, None)


def test_a_place_to_try_models_out_makes_no_champions(shop: Shop) -> None:
    shop.deploy(1, promotes=False)
    assert (shop.serves, shop.holder(CHAMPION), shop.holder(CHALLENGER)) == (1, None, None)


def test_a_version_that_is_never_promoted_serves_without_becoming_champion(shop: Shop) -> None:
    shop.deploy(1, alias="")
    assert (shop.serves, shop.holder(CHAMPION)) == (1, None)


def test_a_newer_version_is_not_replaced_by_an_older_one(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.deploy(1)
    shop.deploy(2)
    shop.deploy(1)
    assert (shop.serves, shop.holder(CHAMPION)) == (2, 2)
    assert "deploy.older=deploy" in caplog.text


def test_going_back_to_an_older_version_can_be_asked_for(shop: Shop) -> None:
    shop.deploy(1)
    shop.deploy(2)
    shop.deploy(1, older="deploy")
    assert (shop.serves, shop.holder(CHAMPION)) == (1, 1)


def test_a_stopped_deployment_takes_an_older_version(shop: Shop) -> None:
    shop.deploy(1)
    shop.deploy(2)
    shop.target.stop("shop", shop.place)
    shop.deploy(1)
    assert shop.serves == 1


def test_a_target_that_refuses_is_written_down(shop: Shop) -> None:
    class Full(FileTarget):
        """Takes nothing."""

        def release(self, *_: object) -> Deployed:
            """Refuse."""
            raise ProjectError("the port 80 is in use")

    shop.target = Full()
    with pytest.raises(ProjectError, match="in use"):
        shop.deploy(1)
    assert [(action, facts.get("why")) for action, _, facts in shop.deeds] == [
        ("deploy", None),
        ("deploy failed", "the port 80 is in use"),
    ]


def test_the_bundle_must_be_the_registered_one(shop: Shop) -> None:
    shop.registry.register(NewVersion("shop", "f" * 64, shop.folder), shop.place)
    with pytest.raises(StageError, match="version 1 of shop is not the bundle"):
        shop.deploy(1)


def test_a_deployment_stands_while_it_serves(shop: Shop) -> None:
    made = {"deployment": shop.deploy(1)}
    stage = shop.stage()
    assert stage.stands(made, shop.place) == ""
    for phase in ("rolling", "aborted"):
        shop.keep(phase)
        assert stage.stands(made, shop.place) == ""
    shop.keep("stopped")
    assert stage.stands(made, shop.place) == "the deployment shop is stopped"
    shop.keep("failed")
    assert stage.stands(made, shop.place) == "the deployment shop is not serving"


def test_a_deployment_that_is_gone_does_not_stand(shop: Shop, tmp_path: Path) -> None:
    made = {"deployment": shop.deploy(1)}
    elsewhere = Place(tmp_path / "other", tmp_path / "other" / ".mlops")
    assert shop.stage().stands(made, elsewhere) == "there is no deployment shop"


def test_a_deployment_stands_aside_for_a_newer_version_and_for_a_way_back(shop: Shop) -> None:
    first = {"deployment": shop.deploy(1)}
    second = {"deployment": shop.deploy(2)}
    assert shop.stage().stands(first, shop.place) == ""
    shop.deploy(1, older="deploy")
    assert shop.stage().stands(second, shop.place) == ""


def test_a_deployment_of_another_model_does_not_stand(shop: Shop) -> None:
    made = {"deployment": shop.deploy(1)}
    kept = FileTarget()._kept("shop", shop.place)
    FileTarget()._keep("shop", shop.place, {**kept, "served": [{**kept["served"][0], "model": "other"}]})
    assert shop.stage().stands(made, shop.place) == "the deployment shop serves the model other"


def test_a_champion_by_hand_is_not_made_challenger_by_its_deployment(shop: Shop) -> None:
    folder, digest = shop.bundle(1)
    shop.registry.register(NewVersion("shop", digest, folder), shop.place)
    promote(shop.registry, shop.registry.find("shop", "1", shop.place), shop.place, why="by hand")
    shop.deploy(1)
    assert (shop.holder(CHAMPION), shop.holder(CHALLENGER)) == (1, None)


@pytest.mark.parametrize(("given", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), (5, 5), ("1.5 m", 90)])
def test_waiting_is_given_in_seconds_or_in_words(shop: Shop, given: object, seconds: float) -> None:
    assert shop.stage(wait=given).wait == seconds


class Careless(JsonRegistry):
    """A registry whose bundles are changed before they are read."""

    def bundle(self, version: ModelVersion, place: Place) -> Path:
        """Change it."""
        (version.folder / "more.txt").write_text("")
        return super().bundle(version, place)


def test_a_bundle_that_was_changed_is_not_deployed(shop: Shop) -> None:
    shop.registry = Careless()
    with pytest.raises(ArtifactDamaged, match=r"more.txt is not one"):
        shop.deploy(1)
    assert shop.target.deployments(shop.place) == ()
