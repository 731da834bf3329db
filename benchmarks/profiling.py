"""Profiling rows for a monitor, beside whylogs' own way of doing it.

Twenty columns: twelve numbers, four of them with gaps, two of whole numbers, four of short texts. Ours takes a
Polars frame, whylogs.log a pandas frame of the same rows; both end with a profile in whylogs' format, which must
count the same. Making the frames is not counted.

python benchmarks/profiling.py
python benchmarks/profiling.py --rows 200000
"""

from __future__ import annotations

import argparse
import os
import warnings
from typing import Any

import numpy as np
import polars as pl

from benchmarks.measuring import function, interleaved
from benchmarks.reporting import Aim, Report, Row, asked, present

_SPEED = 1 / 1.5


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=3, more=_arguments)
    os.environ["WHYLOGS_NO_ANALYTICS"] = "True"
    from mlops_whylogs.sketching import profiled, read

    frame = _frame(given.rows)
    read(profiled(frame.head(10)))  # whylogs is imported here
    import whylogs

    warnings.simplefilter("ignore")
    theirs = frame.to_pandas()
    _check_same(read(profiled(frame)), read(bytes(whylogs.log(theirs).profile().view().serialize())))
    cases = {
        "ours": lambda: function(lambda: profiled(frame)),
        "theirs": lambda: function(lambda: whylogs.log(theirs)),
    }
    found = interleaved(cases, repeats=given.repeats)
    name = f"{given.rows:,} rows × {frame.width} columns"
    row = Row(name, found["ours"], "whylogs.log on pandas", found["theirs"])
    pace = given.rows / found["ours"].wall
    aim = Aim("profiling / whylogs.log", row.ratio or 0, _SPEED, "×")
    present(Report("profiling", (row,), (aim,), (f"Ours profiles {pace:,.0f} rows/s.",)), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows (default 1,000,000)")


def _frame(rows: int) -> pl.DataFrame:
    chance = np.random.default_rng(0)
    columns: dict[str, pl.Series] = {}
    for index in range(12):
        values = pl.Series(chance.normal(index, 1 + index, rows))
        columns[f"number{index}"] = values.set(pl.Series(chance.random(rows) < 0.05), None) if index < 4 else values  # noqa: PLR2004 - as the docstring says
    for index in range(4):
        columns[f"count{index}"] = pl.Series(chance.integers(0, 10 ** (index + 1), rows))
    for index in range(4):
        words = [f"word{number}" for number in range(3 ** (index + 1))]
        columns[f"text{index}"] = pl.Series(chance.choice(words, rows).tolist())
    return pl.DataFrame(columns)


def _check_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Both must have counted the same, or they would not have done the same work."""
    for name, column in ours.items():
        other = theirs[name]
        same = (column.rows, column.missing) == (other.rows, other.missing)
        if not same:
            raise RuntimeError(f"not the same work: {name} is counted in two ways")


if __name__ == "__main__":
    main()
