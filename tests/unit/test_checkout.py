"""Another commit's files in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.checkout import Borrowed, checked_out, commit_of, git, top_of
from mlops.errors import ProjectError
from tests.toy_repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository")
    (made.root / "inner").mkdir(parents=True)
    (made.root / "inner" / "file").write_text("one\n")
    made.begin()
    (made.root / "inner" / "file").write_text("two\n")
    made.commit("two")
    return made


def test_a_commit_is_laid_out_and_removed(repository: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    with checked_out(repository.root, "main~1", folder) as tree:
        assert (tree.root / "inner" / "file").read_text() == "one\n"
        assert tree.commit == repository.git("rev-parse", "main~1")
    assert not folder.exists()
    assert len(repository.git("worktree", "list").splitlines()) == 1


def test_a_project_inside_a_repository_is_found_in_the_commit_too(repository: Repository, tmp_path: Path) -> None:
    with checked_out(repository.root / "inner", "main~1", tmp_path / "tree") as tree:
        assert tree.root == tmp_path / "tree" / "inner"


def test_a_commit_that_has_no_such_project_is_refused(repository: Repository, tmp_path: Path) -> None:
    (repository.root / "later").mkdir()
    with (
        pytest.raises(ProjectError, match="has no folder later"),
        checked_out(repository.root / "later", "main", tmp_path / "tree"),
    ):
        pass
    assert not (tmp_path / "tree").exists()


def test_an_error_in_the_block_removes_the_files_too(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError, match="inside"), checked_out(repository.root, "main", tmp_path / "tree"):
        raise ZeroDivisionError("inside")
    assert not (tmp_path / "tree").exists()


def test_the_working_tree_and_its_branch_stay_as_they_are(repository: Repository, tmp_path: Path) -> None:
    (repository.root / "inner" / "file").write_text("three\n")
    with checked_out(repository.root, "main~1", tmp_path / "tree"):
        pass
    assert repository.git("status", "--porcelain") == "M inner/file"
    assert repository.git("branch", "--show-current") == "main"


@pytest.mark.parametrize("ref", ["nowhere", "--help", "", "main:inner/file"])
def test_what_names_no_commit_is_refused(repository: Repository, ref: str) -> None:
    with pytest.raises(ProjectError, match="git knows no commit"):
        commit_of(repository.root, ref)


def test_a_folder_outside_of_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="in no git repository"):
        top_of(tmp_path)


def test_variables_that_a_hook_leaves_do_not_mislead_git(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert top_of(repository.root) == repository.root


def test_what_git_says_when_it_refuses_is_told(repository: Repository) -> None:
    with pytest.raises(ProjectError, match=r"git show failed: "):
        git(repository.root, "show", "nothing-like-this")


def test_data_is_taken_from_the_project_behind_where_there_is_none(tmp_path: Path) -> None:
    for name in ("tree", "behind"):
        (tmp_path / name / "recipes").mkdir(parents=True)
        (tmp_path / name / "both.csv").write_text(name)
    (tmp_path / "behind" / "only.csv").write_text("behind")
    project = Borrowed(tmp_path / "tree", tmp_path / "state", tmp_path / "behind")
    assert project.find("both.csv") == [str(tmp_path / "tree" / "both.csv")]
    assert project.find("only.csv") == [str(tmp_path / "behind" / "only.csv")]
    assert project.find("none.csv") == []
    assert project.state == tmp_path / "state"
