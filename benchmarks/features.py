"""Fitting and applying features on a million rows, beside the same ColumnTransformer of scikit-learn.

Ten numbers (imputed, with an indicator, scaled) and six categories (as codes, rare ones grouped). Ours is
the whole stage, with files read and written and the graph compiled; theirs is first what fit_transform takes
on a DataFrame in memory, then the same with files read and written. Each go is a process of its own;
imports are not counted.

python benchmarks/features.py
python benchmarks/features.py --rows 200000 --threads 2
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measuring import Cost, Samples, interleaved, output, threads
from benchmarks.projects import temporary
from benchmarks.reporting import Aim, Report, Row, asked, present

_SIDES = Path(__file__).with_name("features_sides.py")
_SPEED = 0.333
_TABLES = 3.0
_SAME = 1e-3
"""Both must give the same numbers, or they would not have done the same work."""


@dataclass
class _Bench:
    """A folder with the rows, and what both sides said of each go."""

    folder: Path
    threads: int
    said: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def side(self, name: str, *more: str) -> dict[str, Any]:
        """Do one side's work in a process of its own."""
        words = [sys.executable, str(_SIDES), name, str(self.folder), *more]
        _, printed = output(words, folder=self.folder, env=threads(self.threads))
        found: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
        self.said.setdefault(name, []).append(found)
        return found

    def cost(self, name: str) -> Cost:
        """Measure one side."""
        found = self.side(name)
        return Cost(found["wall"], found["cpu"])

    def peak(self, name: str) -> float:
        """Median of the memory that a side needs at most, in bytes."""
        return float(statistics.median(item["peak"] for item in self.said[name]))


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=3, more=_arguments)
    if not Path("/proc/self/clear_refs").exists():
        sys.exit("memory is read from /proc, which only Linux has")
    with temporary() as folder:
        bench = _Bench(folder, given.threads)
        size = bench.side("table", str(given.rows))["bytes"]
        cases = {name: lambda name=name: bench.cost(name) for name in ("ours", "theirs")}
        found = interleaved(cases, repeats=given.repeats)
        _check_same(bench)
        present(_report(bench, found, size=size, rows=given.rows), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=1_000_000, help="train rows (default 1,000,000)")
    parser.add_argument("--threads", type=int, default=1, help="threads for both (default 1: steady beside neighbours)")


def _report(bench: _Bench, found: dict[str, Samples], *, size: int, rows: int) -> Report:
    ours, whole = found["ours"], found["theirs"]
    inner = Samples(tuple(Cost(item["inner"]["wall"], item["inner"]["cpu"]) for item in bench.said["theirs"]))
    lines = (
        Row(f"features stage, {rows:,} rows", ours, "fit_transform in memory", inner),
        Row("the same", ours, "with files read and written", whole),
    )
    tables = bench.peak("ours") / size
    aims = (
        Aim("features / fit_transform", lines[0].ratio or 0, _SPEED, "×"),
        Aim("peak memory / table", tables, _TABLES, "×"),
    )
    return Report("features", lines, aims, (_memory(bench, size),))


def _memory(bench: _Bench, size: int) -> str:
    ours, theirs = bench.peak("ours"), bench.peak("theirs")
    return (
        f"Peak memory above what imports take: ours {ours / 2**20:,.0f} MiB ({ours / size:.2f} × the table of "
        f"{size / 2**20:,.0f} MiB), theirs {theirs / 2**20:,.0f} MiB ({theirs / size:.2f} ×)."
    )


def _check_same(bench: _Bench) -> None:
    ours, theirs = bench.said["ours"][0], bench.said["theirs"][0]
    gap = max(abs(a - b) for a, b in zip(ours["means"], theirs["means"], strict=True))
    if ours["columns"] != theirs["columns"] or gap > _SAME:
        raise RuntimeError(
            f"not the same work: {ours['columns']} and {theirs['columns']} columns, means differ by {gap}"
        )


if __name__ == "__main__":
    main()
