from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlops.errors import StoreUnwritable
from mlops.store import Entry, OutputRef, Store

KEY = "ab" * 32


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system of our own; tests that need one are skipped where that is not permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def compute(store: Store, content: bytes) -> str:
    """Do what a run does for one stage."""
    with store.using(), store.key_lock(KEY), store.workspace() as workspace:
        folder = workspace / "table"
        try:
            folder.mkdir()
            (folder / "data").write_bytes(content)
        except OSError as exc:
            raise StoreUnwritable(f"the stage itself could not write: {exc}") from exc
        digest = store.commit(folder)
        store.put(Entry(KEY, "data", "a.B", (OutputRef("table", "table", digest),), "run", 0.0, 0))
    return digest


def outcome(store: Store, content: bytes) -> str:
    try:
        compute(store, content)
    except StoreUnwritable:
        return "refused"
    return "done"


def assert_whole(store: Store) -> None:
    for folder in store.layout.artifacts.glob("*/*"):
        store.check(folder.name, full=True)
    for path in store.layout.index.glob("*/*.json"):
        entry = store.find(path.stem)
        assert entry is not None
        for ref in entry.outputs:
            store.check(ref.digest, full=True)


def test_a_full_disk_names_the_path_and_the_need_and_what_is_free(disk: Path) -> None:
    store = Store(disk / "store")
    with store.workspace() as workspace:
        folder = workspace / "table"
        folder.mkdir()
        (folder / "data").write_bytes(b"x")
        digest = store.commit(folder)
    fill(disk, spare=0)
    entry = Entry(KEY, "data", "a.B", (OutputRef("table", "table", digest),), "run", 0.0, 0)
    with pytest.raises(
        StoreUnwritable, match=rf"(?s)file system is full \([\d,]+ bytes needed, 0 bytes free\).*{disk}"
    ):
        store.put(entry)
    assert store.find(KEY) is None
    assert_whole(store)


def fill(disk: Path, *, spare: int) -> Path:
    """Write a file that leaves ``spare`` bytes free."""
    status = os.statvfs(disk)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(status.f_bavail * status.f_frsize - spare))
    return ballast


def test_wherever_space_runs_out_the_store_stays_whole_and_works_again_with_space(disk: Path) -> None:
    store = Store(disk / "store")
    kept = compute(store, b"first")
    outcomes = []
    for pages in range(8):
        ballast = fill(disk, spare=pages * 4096)
        outcomes.append(outcome(store, b"second" * 1000))
        assert_whole(store)
        store.check(kept, full=True)
        ballast.unlink()
    assert "refused" in outcomes
    digest = compute(store, b"third")
    store.check(digest, full=True)
    assert list(store.layout.workspaces.iterdir()) == []


def test_wherever_names_run_out_the_store_stays_whole_and_works_again(disk: Path) -> None:
    outcomes = []
    for count in range(3, 24):
        remount(disk, f"nr_inodes={count}")
        store = Store(disk / f"store{count}")
        outcomes.append(outcome(store, b"x"))
        remount(disk, "nr_inodes=1000")
        assert_whole(store)
        store.check(compute(store, b"x"), full=True)
        subprocess.run(["rm", "-rf", str(store.root)], check=True)
    assert outcomes == sorted(outcomes, reverse=True)
    assert set(outcomes) == {"refused", "done"}


def test_a_read_only_disk_is_a_clear_error_and_what_is_there_can_be_read(disk: Path) -> None:
    store = Store(disk / "store")
    digest = compute(store, b"first")
    remount(disk, "ro")
    try:
        with pytest.raises(
            StoreUnwritable, match=rf"(?s)file system is read-only.*where: {disk}.*fix: mount it writable"
        ):
            compute(store, b"second")
        found = store.find(KEY)
        assert found is not None
        assert found.outputs[0].digest == digest
        store.check(digest)
        store.check(digest, full=True)
        store.set_latest("flights", "train", {})
        assert not store.layout.latest.exists()
    finally:
        remount(disk, "rw")
    assert compute(store, b"second") != digest
    assert_whole(store)


def test_a_torn_entry_on_a_read_only_disk_counts_as_none(disk: Path) -> None:
    store = Store(disk / "store")
    compute(store, b"first")
    store.layout.entry(KEY).write_bytes(b"{")
    remount(disk, "ro")
    try:
        assert store.find(KEY) is None
    finally:
        remount(disk, "rw")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_a_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnwritable, match="writing there is not permitted"):
        compute(Store(tmp_path / "store"), b"x")


def test_a_file_that_may_not_grow_is_a_clear_error_and_the_store_stays_whole(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with file_size_limit(60), pytest.raises(StoreUnwritable, match="larger than is allowed"):
        compute(store, b"x")
    assert_whole(store)
    store.check(compute(store, b"x"), full=True)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
