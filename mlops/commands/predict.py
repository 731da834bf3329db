"""``mlops predict``: score files of rows with a bundle."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from mlops.commands.arguments import parser
from mlops.prediction import Predicted, Request, predict
from mlops.prediction.progress import watcher
from mlops.prediction.request import KEYS
from mlops.project import Project
from mlops.stage import Place
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
        done = predict(_registered(Request.read(given.words)), Project.here(), tell=watch.tell)
    finally:
        watch.close()
    print(json.dumps({**asdict(done), "rows_per_second": round(done.pace)}) if given.json else _said(done))
    return 0


def _registered(request: Request) -> Request:
    """Put the folder of the bundle in the place of MODEL@VERSION or MODEL@ALIAS."""
    model, sign, wanted = request.model.partition("@")
    if not sign or Path(request.model).exists():
        return request
    from mlops.model_registry import open_registry
    from mlops.workspace import Workspace

    work = Workspace.here()
    registry, place = open_registry(work, (), choice="mlflow"), Place(work.project.root, work.project.state)
    return replace(request, model=str(registry.bundle(registry.find(model, wanted, place), place)))


def _said(done: Predicted) -> str:
    bad = f"; {done.bad:,} bad {'row' if done.bad == 1 else 'rows'}" if done.bad else ""
    pace = f"{duration(done.seconds)}, {done.pace:,.0f} rows/s"
    return f"{done.rows:,} rows predicted by {done.origin} in {pace}{bad}: {done.output}"
