from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlops import durable
from mlops.errors import StoreError
from mlops.store import Entry, OutputRef, Store

LEFTOVER = """
import os, sys
from pathlib import Path
from mlops.store import Store
with Store(Path(sys.argv[1])).workspace() as folder:
    (folder / "half").write_bytes(bytes(1000))
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def make(store: Store, key: str, *contents: bytes) -> list[str]:
    """Put an entry whose outputs hold ``contents``; give their digests."""
    digests = []
    with store.workspace() as workspace:
        for number, content in enumerate(contents):
            folder = workspace / str(number)
            folder.mkdir()
            (folder / "data").write_bytes(content)
            digests.append(store.commit(folder))
    outputs = tuple(OutputRef(f"output{number}", "table", digest) for number, digest in enumerate(digests))
    store.put(Entry(key, "stage", "a.B", outputs, "run", 0.0, 0))
    return digests


def everything(store: Store) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in store.root.rglob("*") if path.is_file()}


def test_clearing_a_store_that_is_not_there_finds_nothing(store: Store) -> None:
    garbage = store.collect([], dry_run=False)
    assert garbage.pieces == ()
    assert garbage.size == 0


def test_what_no_root_needs_is_removed_and_the_rest_is_whole(store: Store) -> None:
    (kept,) = make(store, "aa", b"kept")
    (gone,) = make(store, "bb", b"gone")
    garbage = store.collect([kept], dry_run=False)
    assert [piece.name for piece in garbage.of("artifact")] == [gone]
    assert [piece.name for piece in garbage.of("entry")] == ["bb"]
    assert store.find("aa") is not None
    store.check(kept, full=True)
    assert store.find("bb") is None
    assert not store.path(gone).exists()


def test_a_dry_run_tells_the_same_and_removes_nothing(store: Store) -> None:
    make(store, "aa", b"x" * 5000)
    before = everything(store)
    planned = store.collect([])
    assert {name: data for name, data in everything(store).items() if not name.endswith(".lock")} == {
        name: data for name, data in before.items() if not name.endswith(".lock")
    }
    assert store.collect([], dry_run=False) == planned
    assert planned.size > 5000


def test_nothing_is_left_to_clear_after_clearing(store: Store) -> None:
    (kept,) = make(store, "aa", b"kept")
    make(store, "bb", b"gone")
    store.collect([kept], dry_run=False)
    assert store.collect([kept]).pieces == ()
    assert list(store.layout.workspaces.iterdir()) == []


def test_an_entry_goes_with_any_of_its_artifacts_but_a_shared_artifact_stays(store: Store) -> None:
    one, two = make(store, "aa", b"one", b"two")
    store.collect([one], dry_run=False)
    assert store.find("aa") is None
    store.check(one, full=True)
    assert not store.path(two).exists()


def test_an_entry_whose_artifact_is_gone_is_removed_though_a_root_names_it(store: Store) -> None:
    (digest,) = make(store, "aa", b"x")
    durable.remove_tree(store.path(digest))
    assert [piece.name for piece in store.collect([digest], dry_run=False).of("entry")] == ["aa"]
    assert store.find("aa") is None


def test_leftovers_hints_and_damaged_things_are_removed(store: Store) -> None:
    (kept,) = make(store, "aa", b"kept")
    (damaged,) = make(store, "bb", b"damaged")
    (store.path(damaged) / "data").unlink()
    store.set_aside(damaged)
    store.layout.entry("cc").parent.mkdir()
    store.layout.entry("cc").write_bytes(b"torn")
    (store.layout.index / "aa" / ".0123.tmp").write_bytes(b"half an entry")
    durable.write_hint(store.layout.verified_hint(damaged), b"{}")
    subprocess.run([sys.executable, "-c", LEFTOVER, str(store.root)], check=False)
    garbage = store.collect([kept], dry_run=False)
    counts = {kind: len(garbage.of(kind)) for kind in ("entry", "hint", "leftover", "workspace", "damaged")}
    assert counts == {"entry": 2, "hint": 1, "leftover": 1, "workspace": 1, "damaged": 1}
    assert store.collect([kept]).pieces == ()
    assert store.find("aa") is not None


def test_a_checkpoint_goes_only_when_it_is_old(store: Store) -> None:
    for name, age in (("fresh", 0), ("stale", 15 * 86_400)):
        folder = store.layout.checkpoint(name)
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"w")
        then = time.time() - age
        os.utime(folder, (then, then))
    garbage = store.collect([], dry_run=False)
    assert [piece.name for piece in garbage.of("checkpoint")] == ["stale"]
    assert [path.name for path in store.layout.checkpoints.iterdir()] == ["fresh"]


def test_notes_about_the_latest_runs_are_kept(store: Store) -> None:
    store.set_latest("flights", "train", {"lr": 0.1})
    store.collect([], dry_run=False)
    assert store.latest("flights", "train") == {"lr": 0.1}


def test_locks_that_nobody_holds_are_removed_and_held_ones_stay(store: Store) -> None:
    with store.key_lock("aa"):
        pass
    with store.key_lock("bb"):
        store.collect([], dry_run=False)
        assert [path.name for path in (store.layout.locks / "key").iterdir()] == ["bb.lock"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_run_in_progress_stops_clearing_before_anything_is_removed(store: Store, *, dry_run: bool) -> None:
    (digest,) = make(store, "aa", b"x")
    with store.using(), pytest.raises(StoreError, match=r"(?s)a run is in progress.*nothing was removed.*fix: repeat"):
        store.collect([], dry_run=dry_run)
    store.check(digest, full=True)


def test_a_workspace_in_use_is_spared(store: Store) -> None:
    with store.workspace() as folder:
        assert store.collect([], dry_run=False).pieces == ()
        assert folder.is_dir()


def test_garbage_can_be_printed_as_json(store: Store) -> None:
    (digest,) = make(store, "aa", b"x")
    report = store.collect([]).to_json()
    assert report["bytes"] == sum(piece["bytes"] for piece in report["pieces"])
    assert {"kind": "artifact", "name": digest} in [
        {"kind": piece["kind"], "name": piece["name"]} for piece in report["pieces"]
    ]


def test_searches_are_asked_for_and_leave_with_the_rest(store: Store, tmp_path: Path) -> None:
    (kept,) = make(store, "aa", b"kept")
    folder = tmp_path / "searches" / "key"
    folder.mkdir(parents=True)
    (folder / "trials.jsonl").write_bytes(bytes(7))
    found = store.collect([kept], searches=lambda: [folder])
    assert [(piece.name, piece.size) for piece in found.of("search")] == [("key", 7)]
    assert folder.is_dir()
    store.collect([kept], searches=lambda: [folder], dry_run=False)
    assert not folder.exists()
    assert store.find("aa") is not None
