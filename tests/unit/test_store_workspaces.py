from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mlops import durable
from mlops.errors import StoreError
from mlops.store import Store
from mlops.store.workspaces import Workspaces

LEFTOVER = """
import os, sys
from pathlib import Path
from mlops.store import Store
with Store(Path(sys.argv[1])).workspace() as folder:
    (folder / "half").write_bytes(b"x")
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def leave_workspace_of_killed_process(store: Store) -> None:
    done = subprocess.run([sys.executable, "-c", LEFTOVER, str(store.root)], check=False)
    assert done.returncode == -9


def test_a_workspace_is_new_empty_and_on_the_stores_file_system(store: Store) -> None:
    with store.workspace() as one, store.workspace() as two:
        assert one != two
        assert list(one.iterdir()) == []
        assert one.stat().st_dev == store.root.stat().st_dev


def test_a_workspace_leaves_nothing_behind(store: Store) -> None:
    with store.workspace() as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_bytes(b"x")
        (folder / "deep").chmod(0o500)
    assert list(store.layout.workspaces.iterdir()) == []


def test_a_workspace_is_removed_when_its_block_fails_and_the_failure_passes_unchanged(store: Store) -> None:
    with pytest.raises(FileNotFoundError, match="my own"), store.workspace():
        raise FileNotFoundError("my own")
    assert list(store.layout.workspaces.iterdir()) == []


def test_sweeping_removes_what_killed_processes_left_and_spares_the_living(store: Store) -> None:
    leave_workspace_of_killed_process(store)
    with store.workspace() as living:
        assert len(Workspaces(store.layout).dead()) == 1
        store.sweep()
        assert Workspaces(store.layout).dead() == []
        assert living.is_dir()
        assert sorted(store.layout.workspaces.iterdir()) == sorted([living, living.with_name(f"{living.name}.lock")])


def test_sweeping_a_store_that_is_not_there_makes_nothing(store: Store) -> None:
    store.sweep()
    assert not store.root.exists()


def test_workspaces_are_never_swept_while_they_are_being_made(store: Store) -> None:
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            store.sweep()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for _ in range(100):
            with store.workspace() as folder:
                (folder / "file").write_bytes(b"x")
                assert (folder / "file").exists()
    finally:
        done.set()
        sweeper.join()
    assert list(store.layout.workspaces.iterdir()) == []


def test_runs_use_the_store_together(store: Store) -> None:
    with store.using(), store.using():
        assert durable.try_lock(store.layout.using) is None


def test_a_key_is_locked_for_one_and_other_keys_stay_free(store: Store) -> None:
    with store.key_lock("aa"), store.key_lock("ab", on_wait=lambda: pytest.fail("waited")):
        assert durable.is_locked(store.layout.key_lock("aa"))


def test_a_lock_of_no_key_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="is not the key of a stage"):
        store.key_lock("../x")
