"""``mlops run``: plan a recipe, print the plan, carry it out."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from mlops.outcome import Finished
from mlops.project import Project
from mlops.shortcut import take

__all__ = ["main"]

_DESCRIPTION = (
    "Plan a recipe and carry the plan out. Overrides and flags are Hydra's: group=choice, key=value, "
    "-m for sweeps (key=1,2,3), --cfg job to look at the composed recipe, --info, --hydra-help."
)


def main(argv: list[str]) -> int:
    """Run a recipe, or each job of a sweep."""
    words = [word for word in argv if word != "--json"]
    if not any(word.startswith("-") for word in words):
        done = take(Project.here(), words, out=sys.stderr if "--json" in argv else sys.stdout)
        if done is not None:
            return _closed([done], as_json="--json" in argv, sweep=False)
    return _planned(argv)


def _planned(argv: list[str]) -> int:
    from mlops.commands.arguments import parser, selection, with_selection
    from mlops.execution import execute_recipe
    from mlops.record import new_id
    from mlops.workspace import Workspace

    made = with_selection(parser("run", _DESCRIPTION))
    made.usage = "mlops run recipe=NAME [KEY=VALUE ...] [-m] [--from|--to|--only|--force STAGE] [--json]"
    given, rest = made.parse_known_args(argv)
    work = Workspace.here()
    sweep = f"sweep-{new_id()}" if {"-m", "--multirun"} & set(rest) else ""

    def one(overrides: Sequence[str]) -> Finished:
        return execute_recipe(work, overrides, selection(given), as_json=given.json, parent=sweep)

    if _wants_hydra(rest):
        from mlops.recipe.app import application

        return _closed(application(work.catalog, rest, one), as_json=given.json, sweep=True)
    unknown = [word for word in rest if word.startswith("-")]
    if unknown:
        made.error(f"unknown flag {unknown[0]}")
    return _closed([one(rest)], as_json=given.json, sweep=False)


def _wants_hydra(rest: list[str]) -> bool:
    flags = ("-", "hydra.", "hydra/", "+hydra.", "++hydra.")
    if not any(word.startswith(flags) for word in rest):
        return False
    from mlops.recipe.app import wants_hydra

    return wants_hydra(rest)


def _closed(jobs: list[Finished], *, as_json: bool, sweep: bool) -> int:
    """Say what came of it all, and give the exit code of the worst job."""
    code = max((job.exit_code for job in jobs), default=0)
    if as_json and sweep and jobs:
        print(json.dumps({"jobs": [job.to_json() for job in jobs], "status": "done" if code == 0 else "failed"}))
    elif as_json and jobs:
        print(json.dumps(jobs[0].to_json(), ensure_ascii=False))
    elif sweep and len(jobs) > 1:
        done = sum(job.exit_code == 0 for job in jobs)
        print(f"{done} of {len(jobs)} jobs done")
    sys.stdout.flush()
    return code
