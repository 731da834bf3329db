"""``mlops monitor``: look at what a deployed model was asked, once or again and again."""

from __future__ import annotations

import argparse
import json
import time

from mlops.commands.arguments import parser
from mlops.retraining import Retraining, retrain
from mlops.services.monitor import Watched
from mlops.text import table
from mlops.watching import Loop, look_at, look_at_files
from mlops.workspace import Workspace

__all__ = ["main"]

_DESCRIPTION = """Compare what a deployed model was asked with its training: drift, missing values, new categories,
performance by the labels that have arrived. With --watch it goes on, and retrains when the recipe says so."""


def main(argv: list[str]) -> int:
    """Look, print, and look again when asked to."""
    made = parser("monitor", _DESCRIPTION)
    made.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="recipe=NAME; input=FILES to look at files")
    made.add_argument("--watch", type=float, metavar="SECONDS", help="look again so often, until interrupted")
    made.add_argument("--no-retrain", action="store_true", help="with --watch: only look")
    given = made.parse_intermixed_args(argv)
    while True:
        code = _once(given)
        if not given.watch:
            return code
        time.sleep(given.watch)


def _once(given: argparse.Namespace) -> int:
    files = [word.removeprefix("input=") for word in given.overrides if word.startswith("input=")]
    overrides = [word for word in given.overrides if not word.startswith("input=")]
    work = Workspace.here()
    loop = Loop(work, work.recipe(overrides))
    found = look_at_files(loop, files[-1]) if files else look_at(loop)
    print(json.dumps(found.to_json(), default=str) if given.json else _said(found), flush=True)
    if given.watch and loop.has_policy and not given.no_retrain and not files:
        done = retrain(loop, found, Retraining(as_json=given.json))
        print(json.dumps(done.to_json()) if given.json else done.sentence, flush=True)
    return 0


def _said(found: Watched) -> str:
    rows = []
    for window in found.windows:
        alarms = ", ".join(dict.fromkeys(f"{item.what} ({item.kind})" for item in window.alarms))
        best = window.performance[0] if window.performance else None
        measured = f"{best.metric} {best.value:.4g}" if best else "–"
        versions = ", ".join(map(str, window.versions))
        row = (window.start[:16], f"{window.rows:,}", f"{window.labels:,}", versions, measured)
        rows.append((*row, alarms or window.note or "none"))
    drawn = table(("window", "rows", "labels", "version", "performance", "alarms"), rows)
    return f"{drawn}\n\nreport   {found.report}"
