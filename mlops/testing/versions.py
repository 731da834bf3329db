"""The contract of a version control of data; subclass `VersionsContract` in a test module to check your own."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from mlops.errors import ProjectError
from mlops.services.versions import Transfer, Versions
from mlops.stage import Place

__all__ = ["VersionsContract"]

_OLD, _NEW = b"id,price\n1,10\n", b"id,price\n1,10\n2,20\n"


class VersionsContract(ABC):
    """What the engine relies on in a version control of data. pytest collects the tests of a ``Test…`` subclass.

    class TestMine(VersionsContract):
        def versions(self): return Mine()
        def project(self, folder): make a project there; return its Place
        def commit(self, place, rev): name the tracked state
        def forget(self, place): drop contents of this machine, the remote's aside
    """

    @abstractmethod
    def versions(self) -> Versions:
        """Make the version control."""

    @abstractmethod
    def project(self, folder: Path) -> Place:
        """Make a project with a remote in an empty folder, both of which may be copied; nothing is tracked yet."""

    @abstractmethod
    def commit(self, place: Place, rev: str) -> None:
        """Give the state of what is tracked a name."""

    @abstractmethod
    def forget(self, place: Place) -> None:
        """Remove every content from this machine that the remote may have."""

    @pytest.fixture(scope="class")
    @classmethod
    def template(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A project whose data/orders.csv has two versions, v1 and v2; tests get copies of it."""
        self = cls()
        place = self.project(tmp_path_factory.mktemp("versions"))
        file = place.root / "data" / "orders.csv"
        file.parent.mkdir()
        for rev, content in (("v1", _OLD), ("v2", _NEW)):
            file.write_bytes(content)
            self.versions().track(["data/orders.csv"], place=place)
            self.commit(place, rev)
        return place.root

    @pytest.fixture
    def place(self, template: Path, tmp_path: Path) -> Place:
        """A copy of the project, which a test may spoil."""
        shutil.copytree(template, tmp_path / "project", symlinks=True)
        return Place(tmp_path / "project", tmp_path / "project" / ".mlops")

    def test_a_revision_gives_what_it_held(self, place: Place) -> None:
        """Both versions can be read, whatever the workspace has."""
        assert self._read(place, "v1") == _OLD
        assert self._read(place, "v2") == _NEW

    def test_a_version_says_what_it_is(self, place: Place) -> None:
        """The commit and the content are named, and differ from version to version."""
        found = [self.versions().find("data/orders.csv", rev=rev, place=place) for rev in ("v1", "v2")]
        assert all(version and version.commit and version.content for version in found)
        assert len({version.content for version in found if version}) == len(found)

    def test_a_tracked_file_that_is_not_there_can_be_read(self, place: Place) -> None:
        """The workspace's own version is found without a revision."""
        (place.root / "data" / "orders.csv").unlink()
        assert self._read(place, "") == _NEW

    def test_a_path_that_nothing_tracks_is_none(self, place: Place) -> None:
        """Not knowing a path is no error."""
        assert self.versions().find("data/other.csv", rev="", place=place) is None

    def test_an_unknown_revision_is_refused(self, place: Place) -> None:
        """The error has a fix."""
        with pytest.raises(ProjectError, match="v9") as told:
            self.versions().find("data/orders.csv", rev="v9", place=place)
        assert told.value.fix

    def test_a_path_that_a_revision_lacks_is_refused(self, place: Place) -> None:
        """The error names path and revision."""
        with pytest.raises(ProjectError, match=r"other\.csv.*v1"):
            self.versions().find("data/other.csv", rev="v1", place=place)

    def test_tracking_twice_is_tracking_once(self, place: Place) -> None:
        """Nothing changes when the content did not."""
        again = [self.versions().track(["data/orders.csv"], place=place) for _ in range(2)]
        assert again[0] == again[1]

    def test_tracking_what_is_not_there_is_refused(self, place: Place) -> None:
        """The error names the path."""
        with pytest.raises(ProjectError, match=r"data/missing\.csv"):
            self.versions().track(["data/missing.csv"], place=place)

    def test_what_was_pushed_can_be_pulled(self, place: Place) -> None:
        """A revision's content comes back from the remote, and only what was missing moves."""
        versions = self.versions()
        for rev in ("v1", "v2"):
            assert versions.push(Transfer(rev=rev), place=place) == 1
            assert versions.push(Transfer(rev=rev), place=place) == 0
        self.forget(place)
        missing = versions.find("data/orders.csv", rev="v1", place=place)
        assert missing is not None
        assert missing.missing
        assert versions.pull(Transfer(("data/orders.csv",), "v1"), place=place) == 1
        assert self._read(place, "v1") == _OLD

    def _read(self, place: Place, rev: str) -> bytes:
        version = self.versions().find("data/orders.csv", rev=rev, place=place)
        assert version is not None
        assert len(version.names) == 1
        return version.files[version.names[0]].path.read_bytes()
