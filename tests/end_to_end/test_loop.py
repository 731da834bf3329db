"""The loop of `make loop`, shortened: it retrains when it should, refuses what is worse, and names the fault."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOP = Path(__file__).parents[2] / "examples" / "loop" / "loop.py"


@pytest.mark.slow
def test_four_months_of_the_loop(tmp_path: Path) -> None:
    words = ["--folder", str(tmp_path / "loop"), "--months", "4", "5", "6", "7", "--share", "0.08"]
    command = [sys.executable, str(LOOP), *words, "--fault", "6", "--bad", "7", "--check"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "NO " not in done.stdout
    assert "<svg" in (tmp_path / "loop" / "timeline.html").read_text()
