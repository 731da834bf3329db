"""``mlops predict``: score files of rows with a bundle."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from mlops.commands.arguments import parser
from mlops.prediction import Predicted, Request, predict
from mlops.prediction.progress import watcher
from mlops.prediction.request import KEYS
from mlops.project import Project
from mlops.text import duration

__all__ = ["main"]

_DESCRIPTION = (
    "Score rows of CSV, Parquet, JSON Lines or Arrow files, in any number, with a bundle.\n"
    "For example: mlops predict model=flights input='new/*.parquet' output=late.csv keep=flight,time_hour"
)


def main(argv: list[str]) -> int:
    """Predict, and say how it went."""
    made = parser("predict", _DESCRIPTION)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.epilog = "keys:\n" + "\n".join(f"  {f'{key}=':<14} {text}" for key, text in KEYS.items())
    made.add_argument("words", nargs="*", metavar="KEY=VALUE", help="model=, input= and output= are needed; see below")
    given = made.parse_intermixed_args(argv)
    watch = watcher(sys.stderr, quiet=given.json)
    try:
        done = predict(Request.read(given.words), Project.here(), tell=watch.tell)
    finally:
        watch.close()
    print(json.dumps({**asdict(done), "rows_per_second": round(done.pace)}) if given.json else _said(done))
    return 0


def _said(done: Predicted) -> str:
    bad = f"; {done.bad:,} bad {'row' if done.bad == 1 else 'rows'}" if done.bad else ""
    pace = f"{duration(done.seconds)}, {done.pace:,.0f} rows/s"
    return f"{done.rows:,} rows predicted by {done.origin} in {pace}{bad}: {done.output}"
