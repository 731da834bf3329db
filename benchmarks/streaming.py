"""A table larger than the memory it may take: 10 million rows through the stages and through predict.

Each command runs in a process of its own, whose largest resident memory the kernel reports.

python benchmarks/streaming.py
python benchmarks/streaming.py --rows 2000000 --threads 2
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import program, threads
from benchmarks.projects import temporary
from benchmarks.reporting import Aim, Report, aligned, asked, milliseconds, present

_LIMIT = 2.0
_PIECE = 500_000
_RECIPE = """defaults:
  - data: table
  - split: random
  - features: table
  - model: mlp
  - train: default
  - bundle: onnx

stages: [data, split, features, train, bundle]

data: {path: big.parquet, target: y, task: binary}

model:
  epochs: 1
  numeric: plain
  hidden: [64, 64]
  hardware: {data: stream}
"""


@dataclass(frozen=True)
class _Ran:
    """One command."""

    name: str
    seconds: float
    peak: float
    """Largest resident memory in GiB."""

    said: dict[str, Any]


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=1, more=_arguments)
    with temporary() as folder:
        _generate(folder / "big.parquet", given.rows)
        (folder / "recipes").mkdir()
        (folder / "recipes" / "big.yaml").write_text(_RECIPE, encoding="utf-8")
        env = threads(given.threads)
        trained = _run("mlops run", ["run", "recipe=big", f"executor.cpus={given.threads}"], folder=folder, env=env)
        scored = _run(
            "mlops predict",
            ["predict", "model=big", "input=big.parquet", "output=scores.parquet"],
            folder=folder,
            env=env,
        )
        made = (trained, scored)
        size = (folder / "big.parquet").stat().st_size / 2**30
        aims = tuple(Aim(f"{ran.name}, peak", ran.peak, _LIMIT, " GiB") for ran in made)
        notes = (_table(made), _steps(trained), f"{given.rows:,} rows × 14 columns, {size:.2f} GiB of Parquet")
        present(Report("streaming", (), aims, notes), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the table (default 10 million)")
    parser.add_argument("--threads", type=int, default=1, help="threads (default 1)")


def _generate(path: Path, rows: int) -> None:
    """Ten quantities, three categories of 50 values, a target that follows some of them."""
    import numpy as np
    import polars as pl
    import pyarrow.parquet as pq

    rng, writer = np.random.default_rng(0), None
    for start in range(0, rows, _PIECE):
        size = min(_PIECE, rows - start)
        values = rng.normal(size=(size, 10)).astype(np.float32)
        kinds = rng.integers(0, 50, (size, 3))
        noisy = values[:, 0] - values[:, 1] + 0.1 * (kinds[:, 0] % 7) + rng.normal(size=size)
        columns: dict[str, Any] = {f"x{index}": values[:, index] for index in range(10)}
        columns |= {f"c{index}": np.char.add("k", kinds[:, index].astype(str)) for index in range(3)}
        table = pl.DataFrame(columns | {"y": (noisy > 0).astype(np.int8)}).to_arrow()
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer:
        writer.close()


def _run(name: str, words: list[str], *, folder: Path, env: dict[str, str]) -> _Ran:
    """Run a command that must succeed; ask the kernel what it took."""
    out = folder / "said.txt"
    clock = time.perf_counter()
    with out.open("w") as file:
        child = subprocess.Popen(
            [program("mlops"), *words, "--json"], cwd=folder, stdout=file, env={**os.environ, **env}
        )
        _, status, used = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"{name} ended with status {status}")
    said = json.loads(out.read_text(encoding="utf-8").strip().splitlines()[-1])
    return _Ran(name, time.perf_counter() - clock, used.ru_maxrss / 2**20, said)


def _table(made: tuple[_Ran, ...]) -> str:
    lines = [("", "time", "peak memory")]
    lines += [(ran.name, milliseconds(ran.seconds), f"{ran.peak:.2f} GiB") for ran in made]
    return aligned(lines)


def _steps(ran: _Ran) -> str:
    lines = [("stage", "time")]
    lines += [(step["stage"], milliseconds(step["seconds"])) for step in ran.said["steps"]]
    return aligned(lines)


if __name__ == "__main__":
    main()
