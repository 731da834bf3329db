from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import ProjectError
from mlops.fingerprint import FileDigests
from mlops.plugins import TargetRefused
from mlops.services.versions import at_revision, revision_of
from mlops.versioned import Sources
from tests.unit.versioned.conftest import Folders


def _digests(folders: Folders) -> FileDigests:
    return FileDigests(folders.project.state / "cache" / "digests.json")


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_path_at_a_revision_can_be_taken_apart(path: str, rev: str) -> None:
    assert revision_of(at_revision(path, rev)) == (path, rev)


def test_a_path_without_a_revision_stays_itself() -> None:
    assert at_revision("data/x.csv", None) == "data/x.csv"
    assert revision_of("s3://bucket/x.csv") == ("s3://bucket/x.csv", "")


def test_the_same_bytes_count_the_same_wherever_they_are(folders: Folders) -> None:
    folders.write("x.csv", "k\n1\n")
    sources, digests = Sources(folders.project), _digests(folders)
    plain, versioned = (sources.measured(at_revision("x.csv", rev), digests) for rev in (None, "v1"))
    assert plain.digest == versioned.digest
    assert plain.path == versioned.path == "x.csv"
    assert plain.version is None
    assert versioned.version is not None
    assert versioned.version["commit"] == "commit of v1"


def test_a_version_is_read_under_its_own_name(folders: Folders) -> None:
    found = Sources(folders.project).find(at_revision("x.csv", "v1"))
    assert [Path(path).name for path in found] == ["x.csv"]
    assert Path(found[0]).read_text() == "k\n1\n"


def test_contents_that_are_not_here_count_by_the_digest_they_had(folders: Folders) -> None:
    folders.write("versions/.remote/v1/x.csv", "k\n1\n")
    sources, digests = Sources(folders.project), _digests(folders)
    before = sources.measured(at_revision("x.csv", "v1"), digests)
    (folders.project.root / "versions" / "v1" / "x.csv").unlink()
    assert sources.measured(at_revision("x.csv", "v1"), digests) == before


def test_contents_that_were_never_here_are_to_be_pulled(folders: Folders) -> None:
    folders.write("versions/.remote/v2/x.csv", "k\n2\n")
    with pytest.raises(ProjectError, match=r"the content of 'x\.csv' at v2 is not on this machine") as told:
        Sources(folders.project).measured(at_revision("x.csv", "v2"), _digests(folders))
    assert told.value.fix == "mlops data pull x.csv --rev v2"


def test_a_run_pulls_what_it_needs(folders: Folders) -> None:
    folders.write("versions/.remote/v2/x.csv", "k\n2\n")
    with pytest.raises(ProjectError, match="not on this machine"):
        Sources(folders.project).find(at_revision("x.csv", "v2"))
    found = Sources(folders.project, pulls=True).find(at_revision("x.csv", "v2"))
    assert Path(found[0]).read_text() == "k\n2\n"


def test_damaged_contents_are_found_before_they_are_read(folders: Folders) -> None:
    folders.write("versions/.remote/v1/x.csv", "k\n1\n")
    folders.write("versions/v1/x.csv", "k\n9\n")
    with pytest.raises(ProjectError, match=r"the content of 'x\.csv' is damaged") as told:
        Sources(folders.project).measured(at_revision("x.csv", "v1"), _digests(folders))
    assert told.value.fix.endswith("&& mlops data pull x.csv --rev v1")


def test_a_missing_plain_file_is_told_as_such(folders: Folders) -> None:
    with pytest.raises(ProjectError, match=r"there is no file 'nope\.csv'"):
        Sources(folders.project).measured("nope.csv", _digests(folders))


def test_a_url_has_nothing_to_do_with_versions(folders: Folders) -> None:
    assert Sources(folders.project).find("memory://x.csv") == ["memory://x.csv"]


def test_a_version_control_must_be_one(folders: Folders) -> None:
    folders.write("conf/versions/default.yaml", "# Wrong. mlops data log\n_target_: mlops_polars.data.Data\n")
    with pytest.raises(TargetRefused, match="is not a Versions"):
        Sources(folders.project).find(at_revision("x.csv", "v1"))


def test_its_keys_are_checked(folders: Folders) -> None:
    folders.write("conf/versions/default.yaml", "# Wrong. mlops data log\n_target_: mlops_dvc.versions.Dvc\njob: 1\n")
    with pytest.raises(ProjectError, match="its keys are wrong") as told:
        Sources(folders.project).find(at_revision("x.csv", "v1"))
    assert told.value.where == "conf/versions/default.yaml"
