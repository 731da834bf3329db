from __future__ import annotations

from pathlib import Path

import pytest

from mlops.project import Project, find_root


@pytest.mark.parametrize("mark", ["recipes", "conf", ".mlops"])
def test_root_is_the_nearest_folder_with_a_mark(tmp_path: Path, mark: str) -> None:
    (tmp_path / mark).mkdir()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_root(inner) == tmp_path


def test_folder_without_marks_is_its_own_root(tmp_path: Path) -> None:
    assert find_root(tmp_path) == tmp_path


def test_home_is_never_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "conf").mkdir()
    inner = tmp_path / "a"
    inner.mkdir()
    assert find_root(inner) == inner


def test_own_files_come_before_packaged_ones(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.bases == (tmp_path, project.share)
    assert (project.share / "conf" / "mlops.yaml").is_file()


def test_files_are_shown_as_people_name_them(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.show(tmp_path / "conf" / "a.yaml") == "conf/a.yaml"
    assert project.show(project.share / "conf" / "a.yaml") == "mlops:conf/a.yaml"
    assert project.show(Path("/else/where")) == "/else/where"


def test_sources_are_found_by_path_glob_and_url(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / name).touch()
    project = Project(tmp_path)
    assert project.find("a.csv") == [str(tmp_path / "a.csv")]
    assert project.find("*.csv") == [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert project.find("s3://bucket/x") == ["s3://bucket/x"]
    assert project.find(str(tmp_path / "c.txt")) == [str(tmp_path / "c.txt")]
    assert project.find("missing.csv") == []
    assert project.find("a\0b") == []


def test_home_is_spelt_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").touch()
    assert Project(tmp_path / "p").find("~/a.csv") == [str(tmp_path / "a.csv")]
