"""A disk that is full, or may not be written: a clear error, and a store that stays whole."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.store import Store
from tests.toy_project import Toy


@pytest.fixture
def small_disk(toy: Toy) -> Iterator[Path]:
    """The project's .mlops on a file system of its own, with room for next to nothing."""
    state = toy.root / ".mlops"
    state.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(state)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield state
    subprocess.run(["umount", "-l", str(state)], check=True)


def test_a_full_disk_is_named_and_leaves_the_store_whole(toy: Toy, small_disk: Path) -> None:
    assert toy("run", "recipe=chain").code == 0
    answer = toy("run", "recipe=chain", "count.rows=2000000")
    assert answer.code == 1
    assert ".mlops" in answer.err
    assert "the file system is full" in answer.err
    assert "bytes free" in answer.err
    assert "an error in the stage" not in answer.err
    store = Store(small_disk / "store")
    for manifest in (store.root / "artifacts").glob("*/*/manifest.json"):
        store.check(manifest.parent.name, full=True)
    assert set(toy.actions("recipe=chain").values()) == {"reuse"}


def test_a_folder_that_may_not_be_written_is_named(toy: Toy, small_disk: Path) -> None:
    assert toy("run", "recipe=chain").code == 0
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    answer = toy("run", "recipe=chain", "count.rows=3")
    assert answer.code == 1
    assert str(small_disk) in answer.err
    assert "fix:" in answer.err
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert toy("run", "recipe=chain", "count.rows=3").code == 0
