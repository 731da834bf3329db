from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mlops.sight import look


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.yaml").write_text("a")
    (tmp_path / "inner" / "b.yaml").write_text("b")
    return tmp_path


def test_what_is_untouched_looks_the_same(folder: Path) -> None:
    assert look([str(folder)], []) == look([str(folder)], [])


def test_a_new_file_is_seen(folder: Path) -> None:
    before = look([str(folder)], [])
    (folder / "inner" / "c.yaml").write_text("")
    assert look([str(folder)], []) != before


def test_a_removed_file_is_seen(folder: Path) -> None:
    before = look([str(folder)], [])
    (folder / "inner" / "b.yaml").unlink()
    assert look([str(folder)], []) != before


def test_other_bytes_of_the_same_length_and_date_are_seen(folder: Path) -> None:
    before, status = look([str(folder)], []), (folder / "a.yaml").stat()
    time.sleep(0.02)
    (folder / "a.yaml").write_text("x")
    os.utime(folder / "a.yaml", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert look([str(folder)], []) != before


def test_files_of_another_suffix_do_not_count(folder: Path) -> None:
    before = look([str(folder)], [], suffix=".yaml")
    (folder / "notes.txt").write_text("")
    assert look([str(folder)], [], suffix=".yaml") == before


def test_compiled_code_does_not_count(folder: Path) -> None:
    before = look([str(folder)], [])
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("")
    assert look([str(folder)], []) == before


def test_a_single_file_may_stand_for_a_folder(folder: Path) -> None:
    before = look([str(folder / "a.yaml")], [])
    time.sleep(0.02)
    (folder / "a.yaml").write_text("other")
    assert look([str(folder / "a.yaml")], []) != before


def test_a_missing_file_that_appears_is_seen(folder: Path) -> None:
    before = look([], [str(folder / "later.csv")])
    (folder / "later.csv").write_text("")
    assert look([], [str(folder / "later.csv")]) != before


def test_the_newest_change_is_told(folder: Path) -> None:
    assert abs(look([str(folder)], []).newest - time.time_ns()) < 60_000_000_000
