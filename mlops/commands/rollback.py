"""``mlops rollback``: give all requests of a deployment back to the version that led before."""

from __future__ import annotations

import json

from mlops.commands.arguments import parser
from mlops.deploying import roll_back
from mlops.stage import Place
from mlops.workspace import Workspace

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Go back, and say to what."""
    made = parser("rollback", "Give all requests back to the version that led before, and end any rollout.")
    made.add_argument("name", metavar="NAME", help="the deployment")
    made.add_argument("--why", default="", metavar="TEXT", help="for the audit log")
    given = made.parse_args(argv)
    work = Workspace.here()
    done = roll_back(work, Place(work.project.root, work.project.state), given.name, why=given.why)
    print(json.dumps(done.to_json(), ensure_ascii=False) if given.json else f"{done.name}: {done.note}")
    return 0
