"""A toy project, and processes that end with their test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.toy_project import TOY, Ended, Toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """The toy project, with nothing run yet."""
    root = tmp_path / "project"
    shutil.copytree(TOY, root, ignore=shutil.ignore_patterns("__pycache__"))
    return Toy(root)


@pytest.fixture
def ended() -> Iterator[Ended]:
    """Processes that must not outlive the test."""
    started: list[subprocess.Popen[str]] = []
    yield started.append
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
