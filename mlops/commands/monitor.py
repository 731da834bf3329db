"""``mlops monitor``: look at what a deployed model was asked, once or again and again."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from types import FrameType

from mlops.commands.arguments import parser
from mlops.errors import MlopsError
from mlops.retraining import Retraining, retrain, settled
from mlops.services.monitor import Watched
from mlops.watching import Loop, described, look_at, look_at_files
from mlops.workspace import Workspace

__all__ = ["main"]

_DESCRIPTION = """Compare what a deployed model was asked with its training: drift, missing values, new categories,
performance by the labels that have arrived. With --watch it goes on, and retrains when the recipe says so."""
_INTERRUPTED = 130


def main(argv: list[str]) -> int:
    """Look, print, and look again when asked to."""
    made = parser("monitor", _DESCRIPTION)
    made.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="recipe=NAME; input=FILES to look at files")
    made.add_argument("--watch", type=float, metavar="SECONDS", help="look again so often, until interrupted")
    made.add_argument("--no-retrain", action="store_true", help="with --watch: only look")
    given = made.parse_intermixed_args(argv)
    loop = _loop(given)
    if given.watch is None:
        _looked(loop, given)
        return 0
    signal.signal(signal.SIGTERM, _end)
    while _lived_through(given) != _INTERRUPTED:
        time.sleep(max(given.watch, 1.0))
    return _INTERRUPTED


def _end(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does."""
    del number, frame
    raise KeyboardInterrupt


def _loop(given: argparse.Namespace) -> Loop:
    work = Workspace.here()
    return Loop(work, work.recipe([word for word in given.overrides if not word.startswith("input=")]))


def _lived_through(given: argparse.Namespace) -> int:
    """Carry out one look of many; what goes wrong in it is said, and the next one comes all the same."""
    try:
        loop = _loop(given)
        found = _looked(loop, given)
        return 0 if _files(given) else _acted(loop, found, given)
    except MlopsError as exc:
        said = exc
    except Exception as exc:  # noqa: BLE001 - a watch that ends at night by a full disk watches nothing
        said = MlopsError(f"{type(exc).__name__}: {exc}")
    if given.json:
        print(json.dumps({"error": said.what}), flush=True)
    sys.stderr.write(f"error: {said}\n")
    return 0


def _files(given: argparse.Namespace) -> str:
    return next((word.removeprefix("input=") for word in given.overrides if word.startswith("input=")), "")


def _looked(loop: Loop, given: argparse.Namespace) -> Watched:
    found = look_at_files(loop, _files(given)) if _files(given) else look_at(loop)
    print(json.dumps(found.to_json(), default=str) if given.json else described(found), flush=True)
    return found


def _acted(loop: Loop, found: Watched, given: argparse.Namespace) -> int:
    """Draw the consequences of a rollout, and retrain where the recipe says when."""
    if given.no_retrain or not loop.has_policy:
        settled(loop)
        return 0
    done = retrain(loop, found, Retraining(as_json=given.json))
    print(json.dumps(done.to_json()) if given.json else done.sentence, flush=True)
    return _INTERRUPTED if done.outcome == "interrupted" else 0
