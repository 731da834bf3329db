"""``mlops ui``: look at the runs in their tracker."""

from __future__ import annotations

import json
import os

from mlops.commands.arguments import parser, with_overrides
from mlops.tracked.browsing import browser
from mlops.tracked.follower import open_runs
from mlops.tracked.following import inherited, start_follower
from mlops.workspace import Workspace

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Say where to look; start a server there when it takes one, until Ctrl-C."""
    made = with_overrides(parser("ui", "Look at the runs in their tracker. A server runs until Ctrl-C."))
    made.usage = "mlops ui [recipe=NAME ...] [--tracker CHOICE] [--port N] [--json]"
    made.add_argument("--tracker", default="mlflow", metavar="CHOICE", help="a choice of the group tracker")
    made.add_argument("--port", type=int, metavar="N", help="where to listen on 127.0.0.1; a free port when left out")
    given = made.parse_args(argv)
    work = Workspace.here()
    found = browser(work, given.overrides, choice=given.tracker, port=given.port)
    if any(True for _ in open_runs(work.project)):
        start_follower(work.project)  # what was spooled comes in while a person looks
    words = f"{found.url}  (in a few seconds; Ctrl-C ends it)" if found.command else found.url
    print(json.dumps({"url": found.url}) if given.json else words, flush=True)
    if found.command:
        os.execve(found.command[0], found.command, inherited())  # noqa: S606 - a tracker's own command
    return 0
