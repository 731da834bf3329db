"""``mlops deploy``: bring a version of a model to those who ask, or start a deployment again."""

from __future__ import annotations

import argparse
import json

from mlops.commands.arguments import parser
from mlops.deploying import KEYS, Request, deploy, resume
from mlops.services.target import Deployed
from mlops.stage import Place
from mlops.workspace import Workspace

__all__ = ["main"]

_DESCRIPTION = (
    "Bring a version of a model to a deployment, at once or step by step.\n"
    "For example: mlops deploy model=flights@3 strategy=canary strategy.bake=10m\n"
    "The name of a deployment alone starts it again as it was."
)


def main(argv: list[str]) -> int:
    """Deploy, and say what is served."""
    made = parser("deploy", _DESCRIPTION)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.epilog = "keys:\n" + "\n".join(f"  {f'{key}=':<12} {text}" for key, text in KEYS.items())
    made.add_argument("words", nargs="*", metavar="KEY=VALUE | NAME", help="model=, bundle= or recipe=; see below")
    given = made.parse_intermixed_args(argv)
    work = Workspace.here()
    place = Place(work.project.root, work.project.state)
    alone = len(given.words) == 1 and "=" not in given.words[0]
    done = resume(work, place, given.words[0]) if alone else deploy(work, Request.read(given.words), place)
    print(json.dumps(done.to_json(), ensure_ascii=False) if given.json else _said(done))
    return 1 if done.phase == "failed" else 0


def _said(done: Deployed) -> str:
    leading = done.leading
    serves = f"version {leading.version} of {leading.model}" if leading else "nothing"
    place = f" at {done.url}" if done.url else ""
    return f"{done.name} serves {serves}{place} ({done.phase}{f': {done.note}' if done.note else ''})"
