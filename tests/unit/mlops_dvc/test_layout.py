from __future__ import annotations

from pathlib import Path

import pytest

from mlops.errors import ProjectError
from mlops_dvc.layout import dvc_root, open_cache


def _config(root: Path, name: str, folder: str) -> None:
    (root / ".dvc").mkdir(exist_ok=True)
    (root / ".dvc" / name).write_text(f"[cache]\n    dir = {folder}\n")


def test_the_cache_lies_in_the_dvc_folder(tmp_path: Path) -> None:
    assert open_cache(tmp_path).path("ab" + "c" * 30, is_legacy=False) == (
        tmp_path / ".dvc" / "cache" / "files" / "md5" / "ab" / ("c" * 30)
    )


def test_a_cache_elsewhere_is_relative_to_the_config(tmp_path: Path) -> None:
    _config(tmp_path, "config", "../../shared")
    assert open_cache(tmp_path).folder == tmp_path.parent / "shared"


def test_the_local_config_has_the_last_word(tmp_path: Path) -> None:
    _config(tmp_path, "config", "one")
    _config(tmp_path, "config.local", "/two")
    assert open_cache(tmp_path).folder == Path("/two")


def test_a_users_own_config_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "global"))
    (tmp_path / "global").mkdir()
    (tmp_path / "global" / "config").write_text("[cache]\n    dir = /three\n")
    assert open_cache(tmp_path).folder == Path("/three")
    _config(tmp_path, "config", "/one")
    assert open_cache(tmp_path).folder == Path("/one")


def test_a_config_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("cache = 1\n")
    with pytest.raises(ProjectError, match="DVC's config cannot be read"):
        open_cache(tmp_path)


def test_the_search_for_dvc_ends_at_the_repositorys_root(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    inner = tmp_path / "repo" / "project"
    inner.mkdir(parents=True)
    assert dvc_root(inner) == tmp_path
    (tmp_path / "repo" / ".git").mkdir()
    assert dvc_root(inner) is None
