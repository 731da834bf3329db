from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FLIGHTS = Path(__file__).parents[3] / "recipes" / "data" / "flights.parquet"

RUN = f"""
import hashlib, sys
from pathlib import Path
from mlops.testing import make_context
from mlops_polars.data import Data
from mlops_polars.split import Split
from mlops_polars.validate import Validate

root = Path(sys.argv[1])
data = Data(path={str(FLIGHTS)!r}, types={{"delayed15": "int8"}}, where="delayed15 is not null", group="dest")
rare = {{"nullable": False, "severity": "quarantine"}}
section = {{"columns": {{"visib": rare}}, "unique": [["flight", "time_hour", "origin"]],
           "unique_severity": "quarantine"}}
made = data.run(context=make_context(root / "data")).table
made = Validate.model_validate(section).run(made, context=make_context(root / "validate")).table
Split(method="group").run(made, context=make_context(root / "split", seed=3))
for file in sorted(path for path in root.rglob("*") if path.is_file()):
    print(file.relative_to(root), hashlib.sha256(file.read_bytes()).hexdigest())
"""


def digests(folder: Path, *, threads: int) -> str:
    environment = os.environ | {"POLARS_MAX_THREADS": str(threads), "PYTHONHASHSEED": str(threads)}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder)], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def test_artifacts_are_the_same_bytes_on_any_number_of_threads(tmp_path: Path) -> None:
    one, four = (digests(tmp_path / str(threads), threads=threads) for threads in (1, 4))
    assert "quarantine.parquet" in one
    assert one == four
