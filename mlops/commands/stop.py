"""``mlops stop``: end a deployment after what is under way."""

from __future__ import annotations

import json

from mlops.commands.arguments import parser
from mlops.deploying import stop
from mlops.stage import Place
from mlops.workspace import Workspace

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Stop, and say how to start again."""
    made = parser("stop", "End a deployment: requests under way are answered first, and its log is kept.")
    made.add_argument("name", metavar="NAME", help="the deployment")
    made.add_argument("--why", default="", metavar="TEXT", help="for the audit log")
    given = made.parse_args(argv)
    work = Workspace.here()
    done = stop(work, Place(work.project.root, work.project.state), given.name, why=given.why)
    print(json.dumps(done.to_json(), ensure_ascii=False) if given.json else f"{done.name}: {done.note}")
    return 0
