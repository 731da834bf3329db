"""The kind of file system a folder lies on."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.doctor import disk
from mlops.doctor.disk import file_system_of

MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
23 22 0:50 / {root} rw,relatime shared:1 - {kind} server:/export rw
24 22 0:51 / {root}/a\\040b rw - tmpfs tmpfs rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS.format(root=tmp_path / "share", kind="nfs4"))
    return path


def test_the_deepest_mount_counts(mounts: Path, tmp_path: Path) -> None:
    assert file_system_of(tmp_path / "share" / "project", mounts=mounts) == "nfs4"
    assert file_system_of(tmp_path / "shared", mounts=mounts) == "ext4"


def test_a_mount_with_a_blank_in_its_name_is_found(mounts: Path, tmp_path: Path) -> None:
    assert file_system_of(tmp_path / "share" / "a b" / "c", mounts=mounts) == "tmpfs"


def test_a_system_without_mounts_says_nothing(tmp_path: Path) -> None:
    assert file_system_of(tmp_path, mounts=tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("kind", "level", "what"),
    [
        ("nfs4", "warn", "SQLite's write-ahead log and locks are not safe there"),
        ("fuse.sshfs", "warn", "is a network file system"),
        ("tmpfs", "warn", "lost at a restart"),
        ("ext4", "ok", "file system ext4"),
    ],
)
def test_kinds_that_do_not_fit_are_told(
    kind: str, level: str, what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(disk, "file_system_of", lambda place: kind)
    (found,) = disk._kind(tmp_path)
    assert (found.level, what in found.what) == (level, True)


def test_what_commits_rely_on_is_really_tried(tmp_path: Path) -> None:
    (found,) = disk._tried(tmp_path)
    assert found.what == "sync, rename, locks and SQLite's write-ahead log work"
    assert {path.name for path in tmp_path.iterdir()} >= {"file", "renamed", "try.db"}
