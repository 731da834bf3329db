from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import ProjectError
from mlops_dvc.finding import matcher
from mlops_dvc.versions import Dvc
from tests.unit.mlops_dvc.conftest import NEW, OLD, Lab


def test_a_file_of_dvcs_is_read_from_a_tag_a_branch_and_a_commit(lab: Lab) -> None:
    commit = lab.git("rev-parse", "v1").strip()
    for rev in ("v1", commit, commit[:10], "main~1"):
        assert lab.read("data/orders.csv", rev) == {"data/orders.csv": OLD}
    assert lab.read("data/orders.csv", "main") == {"data/orders.csv": NEW}


def test_a_file_that_git_keeps_is_read_from_its_blob(lab: Lab) -> None:
    assert lab.read("notes.csv", "v1") == {"notes.csv": "n\n1\n"}
    version = lab.find("notes.csv", "v1")
    assert version is not None
    assert version.content == f"git:{lab.git('rev-parse', 'v1:notes.csv').strip()}"


def test_a_folder_of_dvcs_is_read_whole(lab: Lab) -> None:
    files = {"data/parts/2.csv": "k\n2\n", "data/parts/deep/1.csv": "k\n1\n"}
    assert lab.read("data/parts", "v1") == files
    assert lab.read("data/parts") == files


def test_one_file_of_a_tracked_folder_is_read(lab: Lab) -> None:
    assert lab.read("data/parts/deep/1.csv", "v1") == {"data/parts/deep/1.csv": "k\n1\n"}


def test_a_glob_reaches_files_of_git_and_of_dvc_alike(lab: Lab) -> None:
    version = lab.find("**/*.csv", "v2")
    assert version is not None
    assert version.names == ("data/orders.csv", "data/parts/2.csv", "data/parts/deep/1.csv", "notes.csv")


def test_a_glob_within_a_tracked_folder_stays_at_its_depth(lab: Lab) -> None:
    version = lab.find("data/parts/*.csv", "v1")
    assert version is not None
    assert version.names == ("data/parts/2.csv",)


def test_an_output_of_a_dvc_pipeline_is_found_by_its_lock(lab: Lab) -> None:
    version = lab.find("data/orders.csv", "v1")
    assert version is not None
    md5 = version.content.removeprefix("md5:")
    lab.write(
        "dvc.lock",
        f"stages:\n  make:\n    cmd: x\n    outs:\n    - {{path: out/made.csv, hash: md5, md5: {md5}}}\n",
    )
    assert lab.read("out/made.csv") == {"out/made.csv": OLD}


def test_a_folder_whose_list_is_not_here_is_missing_as_a_whole(lab: Lab) -> None:
    version = lab.find("data/parts", "v1")
    assert version is not None
    md5 = version.content.removeprefix("md5:")
    (lab.root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]).unlink()
    again = lab.find("data/parts", "v1")
    assert again is not None
    assert again.missing == ("data/parts",)


def test_a_path_outside_the_repository_is_in_no_revision(lab: Lab) -> None:
    with pytest.raises(ProjectError, match=r"'\.\./other\.csv' is not in v1"):
        lab.find("../other.csv", "v1")


def test_a_project_below_the_repositorys_root_finds_its_own_paths(lab: Lab) -> None:
    inner = Lab(lab.root / "data")
    assert inner.read("orders.csv", "v1") == {"data/orders.csv": OLD}
    assert inner.read("../notes.csv", "v1") == {"notes.csv": "n\n1\n"}


def test_a_link_in_a_commit_is_not_followed(lab: Lab) -> None:
    (lab.root / "link.csv").symlink_to("notes.csv")
    lab.commit("v3")
    with pytest.raises(ProjectError, match=r"'link\.csv' is not in v3"):
        lab.find("link.csv", "v3")


def test_a_pointer_that_names_files_outside_is_refused(lab: Lab) -> None:
    version = lab.find("data/parts", "v1")
    assert version is not None
    md5 = version.content.removeprefix("md5:")
    listed = lab.root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    listed.chmod(0o644)
    listed.write_text(f'[{{"md5": "{"0" * 32}", "relpath": "../../evil"}}]')
    with pytest.raises(ProjectError, match=r"names '\.\./\.\./evil'"):
        lab.find("data/parts", "v1")


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\nouts:\n", "outs: 3\n", "- a\n", "outs:\n- md5: [\n", "\xff"])
def test_a_pointer_that_cannot_be_read_is_named(lab: Lab, text: str) -> None:
    (lab.root / "data" / "orders.csv.dvc").write_text(text, encoding="latin-1")
    with pytest.raises(ProjectError, match="cannot be read") as told:
        lab.find("data/orders.csv")
    assert told.value.where == "data/orders.csv.dvc"


def test_contents_of_dvc_2_lie_elsewhere_and_are_not_held_to_their_digest(lab: Lab) -> None:
    old = lab.root / ".dvc" / "cache" / "ab" / ("c" * 30)
    old.parent.mkdir(parents=True)
    old.write_text("k\n7\n")
    lab.write("old.csv.dvc", f"outs:\n- md5: ab{'c' * 30}\n  path: old.csv\n")
    version = lab.find("old.csv")
    assert version is not None
    assert version.files["old.csv"].digest == ""
    assert lab.read("old.csv") == {"old.csv": "k\n7\n"}


def test_without_git_a_revision_means_nothing(bare: Lab) -> None:
    with pytest.raises(ProjectError, match="there is no git repository, so revision 'v1' means nothing"):
        Dvc().find("x.csv", rev="v1", place=bare.place)


@given(st.lists(st.sampled_from(["a", "b", "*", "?", "a/", "*/", "[ab]", ".b", "-"]), min_size=1, max_size=8))
def test_a_glob_matches_as_the_file_system_does(parts: list[str]) -> None:
    pattern = "".join(parts)
    if "**" in pattern or pattern.endswith("/"):
        return
    for name in ("a", "b", "a/b", "a/a/b", "a.b", "ab", "a-b"):
        expected = Path(name).match(pattern) and name.count("/") == pattern.count("/")
        assert bool(matcher(pattern).fullmatch(name)) == expected, name


def test_two_stars_match_folders_at_any_depth() -> None:
    pattern = matcher("a/**/b.csv")
    assert [bool(pattern.fullmatch(name)) for name in ("a/b.csv", "a/x/y/b.csv", "b.csv")] == [True, True, False]
