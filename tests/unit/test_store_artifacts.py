from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops import durable
from mlops.errors import ArtifactDamaged, StoreError
from mlops.store import Store

NAMES = st.text("abcXYZ012 ._-é漢", min_size=1, max_size=8).filter(
    lambda name: name not in {".", "..", "manifest.json"}
)
TREES = st.dictionaries(NAMES, st.binary(max_size=64), max_size=5)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".mlops" / "store")


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def commit(store: Store, files: dict[str, bytes]) -> str:
    with store.workspace() as workspace:
        return store.commit(fill(workspace / "output", files))


def overwrite(path: Path, data: bytes) -> None:
    """Change bytes in place and put the modification time back, as a careful vandal would."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def settle() -> None:
    """Let the file system's clock tick, so that what was just written may be trusted by its look."""
    time.sleep(0.03)


def test_a_committed_folder_is_whole_in_its_place_and_gone_from_where_it_was(store: Store) -> None:
    with store.workspace() as workspace:
        folder = fill(workspace / "output", {"a.json": b"{}", "deep/er/b.bin": b"\0"})
        digest = store.commit(folder)
        assert not folder.exists()
    assert (store.path(digest) / "a.json").read_bytes() == b"{}"
    assert (store.path(digest) / "deep/er/b.bin").read_bytes() == b"\0"
    store.check(digest, full=True)


def test_the_manifest_lists_size_and_digest_of_every_file(store: Store) -> None:
    digest = commit(store, {"b": b"xyz", "a/c": b""})
    files = json.loads((store.path(digest) / "manifest.json").read_bytes())["files"]
    assert {name: fact["size"] for name, fact in files.items()} == {"a/c": 0, "b": 3}
    assert all(len(fact["digest"]) == 64 for fact in files.values())


def test_the_digest_is_that_of_the_manifest_and_never_changes(store: Store) -> None:
    digest = commit(store, {"a.txt": b"hello"})
    manifest = (store.path(digest) / "manifest.json").read_bytes()
    assert digest == hashlib.blake2b(manifest, digest_size=32).hexdigest()
    assert digest == "ac98af228d6a0c17da13e7b3e1e5a41cd47c8968820f9b70fffd898d9b2b0bf1"


def test_committed_files_are_read_only(store: Store) -> None:
    digest = commit(store, {"a": b"x", "b/c": b"y"})
    modes = {path.stat().st_mode & 0o777 for path in store.path(digest).rglob("*") if path.is_file()}
    assert modes == {0o444}


@settings(deadline=None, max_examples=40)
@given(tree=TREES)
def test_the_digest_follows_from_names_and_bytes_alone(tree: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        first, second = Store(Path(one)), Store(Path(two))
        digest = commit(first, tree)
        with second.workspace() as workspace:
            folder = fill(workspace / "another name", dict(reversed(tree.items())))
            for name in tree:
                os.utime(folder / name, ns=(1, 1))
                (folder / name).chmod(0o600)
            (folder / "empty folder").mkdir()
            assert second.commit(folder) == digest
        second.check(digest, full=True)


@settings(deadline=None, max_examples=40)
@given(one=TREES, two=TREES)
def test_other_names_or_bytes_give_another_digest(one: dict[str, bytes], two: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        assert (commit(store, one) == commit(store, two)) == (one == two)


def test_the_same_content_is_stored_once(store: Store) -> None:
    first = commit(store, {"a": b"x"})
    inode = (store.path(first) / "a").stat().st_ino
    assert commit(store, {"a": b"x"}) == first
    assert (store.path(first) / "a").stat().st_ino == inode


def test_committing_again_replaces_a_damaged_artifact(store: Store) -> None:
    digest = commit(store, {"a": b"x"})
    overwrite(store.path(digest) / "a", b"y")
    assert commit(store, {"a": b"x"}) == digest
    store.check(digest, full=True)
    assert len(list(store.layout.damaged.iterdir())) == 1


def test_threads_that_commit_the_same_content_at_once_all_succeed(store: Store) -> None:
    digests: list[str] = []
    threads = [threading.Thread(target=lambda: digests.append(commit(store, {"a": b"x" * 1000}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 8
    store.check(digests[0], full=True)


# What an artifact may not hold


def _link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def _folder_link(path: Path) -> None:
    path.symlink_to("/etc")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


@pytest.mark.parametrize("make", [_link, _folder_link, _pipe, _socket])
def test_what_is_no_regular_file_is_refused_by_name(store: Store, make: Callable[[Path], None]) -> None:
    with store.workspace() as workspace:
        folder = fill(workspace / "output", {"a": b"x"})
        make(folder / "odd")
        with pytest.raises(StoreError, match="'odd' is not a regular file"):
            store.commit(folder)
    assert not store.layout.artifacts.exists()


def test_a_hard_link_is_refused_and_the_other_name_keeps_its_mode(store: Store, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_bytes(b"x")
    mine.chmod(0o640)
    with store.workspace() as workspace:
        folder = fill(workspace / "output", {})
        os.link(mine, folder / "mine.csv")
        with pytest.raises(StoreError, match=r"'mine.csv' is the same file as one elsewhere"):
            store.commit(folder)
    assert mine.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", [b"new\nline", b"back\\slash", b"bell\a", b"\xff\xfe"])
def test_a_name_that_cannot_be_shown_is_refused(store: Store, name: bytes) -> None:
    with store.workspace() as workspace:
        folder = fill(workspace / "output", {})
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_bytes(b"x")  # noqa: PTH118 - a name of bytes
        with pytest.raises(StoreError, match="is not a name that an artifact may hold"):
            store.commit(folder)


def test_the_name_of_the_manifest_is_taken(store: Store) -> None:
    with pytest.raises(StoreError, match=r"'manifest.json' is the store's own name"):
        commit(store, {"manifest.json": b"{}"})


def test_a_file_that_is_still_being_written_is_refused(store: Store) -> None:
    with store.workspace() as workspace:
        folder = fill(workspace / "output", {"a": bytes(30_000_000)})
        done = threading.Event()

        def scribble() -> None:
            with (folder / "a").open("r+b", buffering=0) as file:
                while not done.is_set():
                    file.seek(0)
                    file.write(os.urandom(8))

        writer = threading.Thread(target=scribble)
        writer.start()
        try:
            with pytest.raises(StoreError, match="'a' was changed while it was being stored"):
                store.commit(folder)
        finally:
            done.set()
            writer.join()


def test_a_link_to_a_folder_is_no_output(store: Store, tmp_path: Path) -> None:
    real = fill(tmp_path / "real", {"a": b"x"})
    with store.workspace() as workspace:
        (workspace / "output").symlink_to(real)
        with pytest.raises(StoreError, match="the output is a link, not a folder"):
            store.commit(workspace / "output")


def test_a_missing_output_is_a_clear_error(store: Store) -> None:
    with store.workspace() as workspace, pytest.raises(StoreError, match="cannot store what the stage made: No such"):
        store.commit(workspace / "output")


@pytest.mark.parametrize("digest", ["../../etc", "", "A" * 64, "a" * 63])
def test_a_text_that_is_no_digest_never_becomes_a_path(store: Store, digest: str) -> None:
    with pytest.raises(StoreError, match="is not the digest of an artifact"):
        store.path(digest)


# Checking


def _edit(path: Path) -> None:
    overwrite(path / "data", b"edited!")


def _shorten(path: Path) -> None:
    overwrite(path / "data", b"x")


def _delete(path: Path) -> None:
    (path / "data").unlink()


def _add(path: Path) -> None:
    (path / "more").write_bytes(b"")


def _relink(path: Path) -> None:
    (path / "data").rename(path.parent / "elsewhere")
    (path / "data").symlink_to(path.parent / "elsewhere")


def _pipe_in_place(path: Path) -> None:
    (path / "empty").unlink()
    os.mkfifo(path / "empty")


def _edit_manifest(path: Path) -> None:
    overwrite(path / "manifest.json", b"{}")


def _delete_manifest(path: Path) -> None:
    (path / "manifest.json").unlink()


def _delete_all(path: Path) -> None:
    durable.remove_tree(path)


def _replace_by_file(path: Path) -> None:
    durable.remove_tree(path)
    path.write_bytes(b"x")


DAMAGE = [
    (_edit, "'data' has other bytes than it was stored with"),
    (_shorten, "'data' has 1 bytes instead of 7"),
    (_delete, "'data' is missing"),
    (_add, "'more' is not part of it"),
    (_relink, "'data' (cannot be read|has)"),
    (_pipe_in_place, "'empty' cannot be read: not a regular file"),
    (_edit_manifest, "'manifest.json' has other bytes"),
    (_delete_manifest, "'manifest.json' is missing"),
    (_delete_all, "it is missing"),
    (_replace_by_file, "it cannot be read"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGE)
@pytest.mark.parametrize("when", ["at once", "after a check", "in full"])
def test_damage_is_noticed_and_named(store: Store, damage: Callable[[Path], None], words: str, when: str) -> None:
    digest = commit(store, {"data": b"precise", "empty": b""})
    if when != "at once":
        settle()
        store.check(digest)
    damage(store.path(digest))
    with pytest.raises(ArtifactDamaged, match=words):
        store.check(digest, full=when == "in full")


def test_damage_is_noticed_again_at_every_check(store: Store) -> None:
    digest = commit(store, {"data": b"precise"})
    settle()
    store.check(digest)
    overwrite(store.path(digest) / "data", b"edited!")
    for _ in range(3):
        settle()
        with pytest.raises(ArtifactDamaged, match="'data' has other bytes"):
            store.check(digest)


@settings(deadline=None, max_examples=60)
@given(data=st.binary(min_size=1, max_size=200), place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_any_one_byte_edit_is_noticed(data: bytes, place: int, flip: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        digest = commit(store, {"data": data})
        edited = bytearray(data)
        edited[place % len(data)] ^= flip
        overwrite(store.path(digest) / "data", bytes(edited))
        with pytest.raises(ArtifactDamaged, match="'data' has other bytes"):
            store.check(digest)


def test_touching_a_file_is_no_damage(store: Store) -> None:
    digest = commit(store, {"data": b"x"})
    settle()
    store.check(digest)
    os.utime(store.path(digest) / "data")
    store.check(digest)


def test_an_unchanged_artifact_is_not_read_again_unless_in_full(store: Store) -> None:
    digest = commit(store, {"data": b"precise"})
    settle()
    store.check(digest)
    # A hint that vouches for bytes that are not there shows that they were not read.
    path = store.path(digest) / "data"
    overwrite(path, b"edited!")
    settle()
    status = path.stat()
    hint = store.layout.verified_hint(digest)
    looks = json.loads(hint.read_bytes())
    looks["data"] = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    hint.write_text(json.dumps(looks))
    store.check(digest)
    with pytest.raises(ArtifactDamaged, match="'data' has other bytes"):
        store.check(digest, full=True)


def test_what_was_written_just_now_is_not_trusted_by_its_look(store: Store) -> None:
    digest = commit(store, {"data": b"x"})
    store.check(digest)
    hint = store.layout.verified_hint(digest)
    known = json.loads(hint.read_bytes()) if hint.exists() else {}
    now = time.time_ns()
    assert all(now - look[2] > 20_000_000 for look in known.values())


@pytest.mark.parametrize(
    "torn", [b"", b"{", b"[1]", b'{"data": 3}', b'{"data": [1]}', b"\xff", b"[" * 100_000, b"null"]
)
def test_a_torn_hint_costs_nothing_but_time(store: Store, torn: bytes) -> None:
    digest = commit(store, {"data": b"x"})
    settle()
    store.check(digest)
    store.layout.verified_hint(digest).write_bytes(torn)
    store.check(digest)
    store.check(digest)


def test_a_damaged_artifact_is_set_aside_once_and_can_be_made_again(store: Store) -> None:
    digest = commit(store, {"data": b"x"})
    (store.path(digest) / "data").unlink()
    assert store.set_aside(digest)
    assert not store.path(digest).exists()
    assert not store.set_aside(digest)
    assert commit(store, {"data": b"x"}) == digest
    store.check(digest, full=True)


def test_a_whole_artifact_is_not_set_aside(store: Store) -> None:
    digest = commit(store, {"data": b"x"})
    assert not store.set_aside(digest)
    store.check(digest, full=True)


def test_many_that_mend_one_damaged_artifact_at_once_leave_it_whole(store: Store) -> None:
    digest = commit(store, {"data": b"x"})
    (store.path(digest) / "data").unlink()
    moved: list[bool] = []

    def mend() -> None:
        moved.append(store.set_aside(digest))
        commit(store, {"data": b"x"})

    threads = [threading.Thread(target=mend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(moved) == 1
    store.check(digest, full=True)
