from __future__ import annotations

from pathlib import Path

import pytest

from mlops.errors import ArtifactDamaged
from mlops.services.integrity import require_whole
from mlops.store import Store
from mlops.testing.evidence import seal


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[Path, str]:
    folder = tmp_path / "artifact"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.json").write_text("{}")
    (folder / "inner" / "b.txt").write_text("b")
    return folder, seal(folder)


def test_a_whole_artifact_is_given_back(sealed: tuple[Path, str]) -> None:
    assert require_whole(*sealed) == sealed[0]


def test_an_artifact_of_the_store_is_whole(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store.workspace() as folder:
        (folder / "made").mkdir()
        (folder / "made" / "a.json").write_text("{}")
        digest = store.commit(folder / "made")
    require_whole(store.path(digest), digest)


def test_a_changed_file_is_found(sealed: tuple[Path, str]) -> None:
    (sealed[0] / "inner" / "b.txt").write_text("c")
    with pytest.raises(ArtifactDamaged, match=r"inner/b.txt was changed"):
        require_whole(*sealed)


def test_a_missing_file_is_found(sealed: tuple[Path, str]) -> None:
    (sealed[0] / "a.json").unlink()
    with pytest.raises(ArtifactDamaged, match=r"a.json is missing"):
        require_whole(*sealed)


def test_an_added_file_is_found(sealed: tuple[Path, str]) -> None:
    (sealed[0] / "inner" / "more").write_text("")
    with pytest.raises(ArtifactDamaged, match="inner/more is not one"):
        require_whole(*sealed)


def test_a_link_in_the_place_of_a_file_is_found(sealed: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "other").write_text("{}")
    (sealed[0] / "a.json").unlink()
    (sealed[0] / "a.json").symlink_to(tmp_path / "other")
    with pytest.raises(ArtifactDamaged, match=r"a.json is missing"):
        require_whole(*sealed)


def test_another_artifact_is_found(sealed: tuple[Path, str]) -> None:
    with pytest.raises(ArtifactDamaged, match="this is not the artifact"):
        require_whole(sealed[0], "0" * 64)


def test_nothing_at_all_is_found(tmp_path: Path) -> None:
    with pytest.raises(ArtifactDamaged, match="no artifact"):
        require_whole(tmp_path / "gone", "0" * 64)
