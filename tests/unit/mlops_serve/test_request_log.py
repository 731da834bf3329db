"""The log of predictions, as its only writer sees it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_serve.request_log import Segments


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Segments]:
    made = Segments(tmp_path / "requests", largest=100, sync_seconds=0.01)
    yield made
    made.close()


def content(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((folder / "requests").glob("*.jsonl")))


def test_lines_are_there_when_append_returns(tmp_path: Path, log: Segments) -> None:
    log.append(b"one\n")
    assert content(tmp_path) == b"one\n"


def test_segments_end_when_they_are_large(tmp_path: Path, log: Segments) -> None:
    for number in range(10):
        log.append(b"%049d\n" % number)
    paths = sorted((tmp_path / "requests").glob("*.jsonl"))
    assert len(paths) == 5
    assert content(tmp_path) == b"".join(b"%049d\n" % number for number in range(10))


def test_a_line_that_does_not_fit_leaves_nothing_behind(tmp_path: Path, log: Segments) -> None:
    log.append(b"one\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))  # the kernel writes four more bytes, then none
    try:
        with pytest.raises(OSError, match="too large"):
            log.append(b"two, three\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.is_broken
    log.append(b"four\n")
    assert content(tmp_path) == b"one\nfour\n"
    assert not log.is_broken


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    log = Segments(tmp_path / "requests", largest=100, sync_seconds=1)
    with pytest.raises(PermissionError):
        log.append(b"one\n")
    log.close()


def test_a_closed_log_has_synced_and_let_go_of_its_files(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    log = Segments(tmp_path / "requests", largest=10, sync_seconds=60)
    for _ in range(5):
        log.append(b"0123456789\n")
    log.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
