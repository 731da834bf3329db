"""``mlops retrain``: one round of looking, deciding, training and releasing."""

from __future__ import annotations

import json

from mlops.commands.arguments import parser
from mlops.retraining import Retraining, retrain
from mlops.watching import Loop, look_at
from mlops.workspace import Workspace

__all__ = ["main"]

_DESCRIPTION = """Look at the deployment, ask the recipe's policy, and when it says so train on the new data: through
the same gates, against the champion, and out by the recipe's strategy. Everything is in the audit log."""


def main(argv: list[str]) -> int:
    """Carry out one round and say what came of it."""
    made = parser("retrain", _DESCRIPTION)
    made.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="recipe=NAME, then group=choice or key=value")
    made.add_argument("--dry-run", action="store_true", help="only say what the policy says, and why")
    made.add_argument("--force", action="store_true", help="train whatever the policy says")
    given = made.parse_intermixed_args(argv)
    work = Workspace.here()
    loop = Loop(work, work.recipe(given.overrides))
    done = retrain(loop, look_at(loop), Retraining(given.dry_run, given.force, given.json))
    print(json.dumps(done.to_json()) if given.json else done.sentence)
    return done.exit_code
