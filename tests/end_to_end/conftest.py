"""Nothing that a test deploys outlives it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def stopped(tmp_path: Path) -> Iterator[None]:
    """Stop every deployment of the test's projects, however the test ended."""
    yield
    for pattern in (".mlops/deployments/*", "*/.mlops/deployments/*"):
        for folder in tmp_path.glob(pattern):
            command = [sys.executable, "-m", "mlops", "stop", folder.name]
            subprocess.run(command, cwd=folder.parents[2], capture_output=True, timeout=120, check=False)
