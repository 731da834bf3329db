from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from mlops.errors import ProjectError
from mlops_dvc.git import repository
from tests.unit.mlops_dvc.conftest import Lab


def test_a_near_revision_is_suggested(lab: Lab) -> None:
    with pytest.raises(ProjectError, match="git knows no revision 'v11'") as told:
        lab.find("notes.csv", "v11")
    assert told.value.fix == "did you mean 'v1'?"


@pytest.mark.parametrize("rev", ["--all", "-h", "v1:notes.csv", "v1 v2", "v1..v2", "\n", "v1^{tree}"])
def test_what_is_no_commit_is_refused(lab: Lab, rev: str) -> None:
    with pytest.raises(ProjectError, match="git knows no revision"):
        lab.find("notes.csv", rev)


def test_in_a_shallow_clone_the_fix_is_to_fetch_the_rest(lab: Lab, tmp_path: Path) -> None:
    words = ["git", "clone", "-q", "--depth", "1", f"file://{lab.root}", str(tmp_path / "shallow")]
    subprocess.run(words, capture_output=True, check=True)
    with pytest.raises(ProjectError, match="git knows no revision 'v1'") as told:
        Lab(tmp_path / "shallow").find("notes.csv", "v1")
    assert told.value.fix == "this clone is shallow; fetch the rest: git fetch --unshallow --tags"


def test_the_repository_of_a_hook_is_not_taken_for_ours(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path / "other")], check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    found = repository(lab.root)
    assert found is not None
    assert found.root == lab.root.resolve()


def test_strange_names_are_found(lab: Lab) -> None:
    names = ["data/with space.csv", "data/ümlaut.csv", 'data/quo"te.csv', "data/star*.csv"]
    for name in names:
        lab.write(name, "k\n")
    lab.commit("v3")
    for name in names:
        assert lab.read(name, "v3") == {name: "k\n"}


def test_a_damaged_repository_is_named(lab: Lab) -> None:
    blob = lab.git("rev-parse", "v1^{tree}").strip()
    path = lab.root / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"")
    with pytest.raises(ProjectError, match="git could not read the repository"):
        lab.find("notes.csv", "v1")


def test_looking_leaves_git_as_it_was(lab: Lab) -> None:
    before = lab.git("status", "--porcelain=v2", "--branch")
    lab.read("**/*.csv", "v1")
    assert lab.git("status", "--porcelain=v2", "--branch") == before
    assert list((lab.root / ".git").glob("*.lock")) == []


def test_a_pointer_of_git_lfs_is_followed(lab: Lab) -> None:
    oid = hashlib.sha256(b"k\n5\n").hexdigest()
    lab.write("big.csv", f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 4\n")
    lab.commit("v3")
    with pytest.raises(ProjectError, match="is in Git LFS and not on this machine") as told:
        lab.find("big.csv", "v3")
    assert told.value.fix == "git lfs fetch origin v3 --include=big.csv"
    lab.write(f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}", "k\n5\n")
    assert lab.read("big.csv", "v3") == {"big.csv": "k\n5\n"}
    version = lab.find("big.csv", "v3")
    assert version is not None
    assert version.content == f"sha256:{oid}"
