"""The contract of every deployment target; subclass `TargetContract` in a test to check your own. Needs pytest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from mlops.errors import MlopsError, ProjectError
from mlops.services.pins import pinned
from mlops.services.registry import ModelVersion
from mlops.services.target import Deployed, Strategy, Target, folder_of, remembered
from mlops.stage import Place

__all__ = ["TargetContract"]

_NAME = "contract"


def _require(condition: object, message: str) -> None:
    """Fail a test; a plain assert would lose its message outside of rewritten modules."""
    if not condition:
        pytest.fail(message, pytrace=False)


class TargetContract(ABC):
    """What every target must hold; a subclass says how to make one, and versions that it can serve.

    Example:
        class TestMine(TargetContract):
            def target(self): return Mine(port=0)
            def strategy(self): return Direct()
            def version(self, folder, number): ...
    """

    proves: ClassVar[bool] = True
    """Whether the target looks at a bundle's files when it is released."""

    @abstractmethod
    def target(self) -> Target:
        """Make the target under test, with keys that let several of them be at once."""

    @abstractmethod
    def strategy(self) -> Strategy:
        """Make a strategy that gives everything to the new version at once."""

    @abstractmethod
    def version(self, folder: Path, number: int) -> ModelVersion:
        """Make a version of a model in a folder that is not there yet; other numbers are other bundles."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        """An empty project; what the test deployed is stopped afterwards."""
        place = Place(tmp_path, tmp_path / ".mlops")
        yield place
        for name in self.target().deployments(place):
            self.target().stop(name, place)

    def released(self, place: Place, number: int) -> Deployed:
        """Release a version."""
        folder = place.root / f"version{number}"
        version = self.version(folder, number)
        return self.target().release(_NAME, version, self.strategy(), place)

    def test_the_first_version_takes_all_requests(self, place: Place) -> None:
        """It leads, its share is 1, and the phase is steady."""
        found = self.released(place, 1)
        _require(found.phase == "steady", f"the phase is {found.phase}: {found.note}")
        leading = found.leading
        _require(leading is not None and leading.version == 1, f"{leading} leads")
        _require([item.share for item in found.served] == [1.0], f"the shares are {found.served}")

    def test_what_is_deployed_can_be_found(self, place: Place) -> None:
        """By name, by whoever knows the folder alone; and its bundle is kept from being cleared away."""
        found = self.released(place, 1)
        target = self.target()
        _require(target.deployments(place) == (_NAME,), f"deployments are {target.deployments(place)}")
        kept = remembered(place)[_NAME]["_target_"]
        _require(kept.endswith(f".{type(target).__name__}"), "release does not call `remember`")
        _require(found.served[0].digest in pinned(place.state), "release does not pin the bundle")
        _require(folder_of(_NAME, place).is_dir(), "the deployment has no folder")

    def test_a_version_that_serves_is_left_as_it_is(self, place: Place) -> None:
        """Releasing it again changes nothing."""
        first = self.released(place, 1)
        version = ModelVersion("", 1, first.served[0].digest, place.root / "version1", created="")
        known = ModelVersion(first.served[0].model, 1, version.digest, version.folder, created="")
        again = self.target().release(_NAME, known, self.strategy(), place)
        _require(again.served == first.served, f"{again.served} instead of {first.served}")
        _require(again.since == first.since, "it says that the shares have changed")

    def test_the_next_version_takes_over_and_gives_back(self, place: Place) -> None:
        """A rollback brings the version before."""
        self.released(place, 1)
        leading = self.released(place, 2).leading
        _require(leading is not None and leading.version == 2, f"{leading} leads after the release of version 2")
        back = self.target().rollback(_NAME, place, why="the contract")
        _require(back.leading is not None and back.leading.version == 1, f"{back.leading} leads after the rollback")
        _require(self.target().status(_NAME, place).leading == back.leading, "status says something else")

    def test_there_must_be_something_to_go_back_to(self, place: Place) -> None:
        """The first version has none before it."""
        self.released(place, 1)
        with pytest.raises(ProjectError):
            self.target().rollback(_NAME, place, why="the contract")

    def test_a_damaged_bundle_changes_nothing(self, place: Place) -> None:
        """It is refused before it has any share."""
        if not self.proves:
            pytest.skip("this target leaves it to others to look")
        first = self.released(place, 1)
        bad = self.version(place.root / "bad", 2)
        (bad.folder / "model.onnx").write_bytes(b"\x00")
        with pytest.raises(MlopsError):
            self.target().release(_NAME, bad, self.strategy(), place)
        _require(self.target().status(_NAME, place).served == first.served, "the damaged bundle has a share")

    def test_a_deployment_that_is_not_there_is_said_to_be(self, place: Place) -> None:
        """Status, rollback and stop name those that there are."""
        self.released(place, 1)
        for deed in ("status", "stop"):
            with pytest.raises(ProjectError, match=_NAME):
                getattr(self.target(), deed)("contrct", place)

    def test_it_stops_and_can_be_released_again(self, place: Place) -> None:
        """Stopping twice is no mistake."""
        self.released(place, 1)
        for _ in range(2):
            _require(self.target().stop(_NAME, place).phase == "stopped", "it is not stopped")
        _require(self.target().status(_NAME, place).phase == "stopped", "status says something else")
        found = self.released(place, 2)
        _require(found.phase == "steady" and found.leading is not None, f"the phase is {found.phase}: {found.note}")
