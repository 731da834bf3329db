"""The contract of every model registry; subclass `RegistryContract` in a test module to check your own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path

import pytest

from mlops.describe import fields, one_line
from mlops.errors import ArtifactDamaged, ProjectError
from mlops.services.registry import CHALLENGER, CHAMPION, NewVersion, Registry
from mlops.stage import Place
from mlops.testing.evidence import seal

__all__ = ["RegistryContract", "make_new_version"]


def make_new_version(place: Place, content: str = "a", *, model: str = "small") -> NewVersion:
    """Make something like a bundle in the project's store, and describe it."""
    made = place.state / "made"
    made.mkdir(parents=True, exist_ok=True)
    (made / "model.onnx").write_text(content)
    digest = seal(made)
    folder = place.state / "store" / "artifacts" / digest[:2] / digest
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        made.rename(folder)
    metrics, facts = {"roc_auc": 0.75}, {"headline": "roc_auc"}
    return NewVersion(model, digest, folder, "20240101-run", "shop", metrics, facts)


class RegistryContract(ABC):
    """What the engine relies on. pytest collects the tests of a subclass called ``Test…``.

    class TestMine(RegistryContract):
        def registry(self): return Mine()
    """

    @abstractmethod
    def registry(self) -> Registry:
        """Make the registry; again and again for the same place, it is the same registry."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        """A project of its own."""
        return Place(tmp_path, tmp_path / ".mlops", "shop", "20240101-run")

    def test_versions_are_numbered_in_order(self, place: Place) -> None:
        """From 1, and the next process sees them."""
        made = [self.registry().register(make_new_version(place, text), place) for text in "abc"]
        assert [item.version for item in made] == [1, 2, 3]
        assert self.registry().versions("small", place) == tuple(made)
        assert self.registry().models(place) == ("small",)

    def test_a_bundle_is_registered_once(self, place: Place) -> None:
        """The same digest under the same model is the same version."""
        first = self.registry().register(make_new_version(place), place)
        assert self.registry().register(make_new_version(place), place) == first
        assert len(self.registry().versions("small", place)) == 1

    def test_models_are_apart(self, place: Place) -> None:
        """One bundle may be a version of two models."""
        self.registry().register(make_new_version(place), place)
        other = self.registry().register(make_new_version(place, model="other"), place)
        assert other.version == 1
        assert self.registry().models(place) == ("other", "small")

    def test_what_is_known_of_a_version_is_kept(self, place: Place) -> None:
        """Run, recipe, metrics, facts, folder."""
        new = make_new_version(place)
        kept = self.registry().register(new, place)
        assert (kept.digest, kept.folder, kept.run, kept.recipe) == (new.digest, new.folder, new.run, new.recipe)
        assert (dict(kept.metrics), dict(kept.facts)) == (dict(new.metrics), dict(new.facts))

    def test_nothing_is_there_at_first(self, place: Place) -> None:
        """No models, no versions, no holders, and no error."""
        registry = self.registry()
        assert (registry.models(place), registry.versions("small", place)) == ((), ())
        assert registry.holder("small", CHAMPION, place) is None

    def test_an_alias_points_at_one_version_at_a_time(self, place: Place) -> None:
        """Pointing moves it, and pointing at none removes it."""
        registry = self.registry()
        for text in "ab":
            registry.register(make_new_version(place, text), place)
        for version in (1, 2, 2):
            registry.point("small", CHAMPION, version=version, place=place)
            assert [item.version for item in registry.versions("small", place) if CHAMPION in item.aliases] == [version]
        registry.point("small", CHAMPION, version=None, place=place)
        registry.point("small", CHAMPION, version=None, place=place)
        assert not any(item.aliases for item in registry.versions("small", place))

    def test_the_holder_is_known_at_once(self, place: Place) -> None:
        """Planning asks for it, also in another process."""
        version = self.registry().register(make_new_version(place), place)
        for alias in (CHAMPION, CHALLENGER):
            self.registry().point("small", alias, version=1, place=place)
        holder = self.registry().holder("small", CHAMPION, place)
        assert holder == replace(version, aliases=(CHALLENGER, CHAMPION))
        self.registry().point("small", CHALLENGER, version=None, place=place)
        assert self.registry().holder("small", CHALLENGER, place) is None

    def test_an_alias_cannot_point_at_nothing(self, place: Place) -> None:
        """An unknown version is an error that names those that there are."""
        self.registry().register(make_new_version(place), place)
        with pytest.raises(ProjectError, match="no version 7"):
            self.registry().point("small", CHAMPION, version=7, place=place)

    def test_a_version_is_found_by_number_alias_or_latest(self, place: Place) -> None:
        """As people name them."""
        registry = self.registry()
        for text in "ab":
            registry.register(make_new_version(place, text), place)
        registry.point("small", CHAMPION, version=1, place=place)
        found = [registry.find("small", word, place).version for word in ("1", "champion", "latest", "2")]
        assert found == [1, 1, 2, 2]

    def test_what_is_not_there_is_said_with_near_names(self, place: Place) -> None:
        """Unknown models and versions."""
        registry = self.registry()
        registry.register(make_new_version(place), place)
        with pytest.raises(ProjectError, match="did you mean 'small'"):
            _raise_with_fix(lambda: registry.find("smal", "latest", place))
        with pytest.raises(ProjectError, match="versions are 1, latest"):
            _raise_with_fix(lambda: registry.find("small", "9", place))

    def test_a_bundle_is_proved_before_it_is_used(self, place: Place) -> None:
        """One changed byte is found."""
        version = self.registry().register(make_new_version(place), place)
        assert self.registry().bundle(version, place).is_dir()
        (version.folder / "model.onnx").write_text("other")
        with pytest.raises(ArtifactDamaged, match="changed"):
            self.registry().bundle(version, place)

    def test_it_says_what_it_is(self) -> None:
        """The class and each of its fields have a sentence."""
        kind = type(self.registry())
        assert one_line(kind), f"{kind.__name__} has no docstring"
        silent = [field.name for field in fields(kind) if not field.description]
        assert not silent, f"fields without a sentence: {', '.join(silent)}"


def _raise_with_fix(attempt: object) -> None:
    """Let the fix be part of what is matched."""
    try:
        attempt()  # type: ignore[operator] # a lambda
    except ProjectError as exc:
        raise ProjectError(str(exc)) from exc
