"""``mlops status``: how deployments are."""

from __future__ import annotations

import json

from mlops.commands.arguments import parser
from mlops.deploying import deployments
from mlops.model_registry import open_registry
from mlops.services.promotion import settle_due
from mlops.services.target import Deployed
from mlops.stage import Place
from mlops.text import table
from mlops.workspace import Workspace

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Show all deployments, or one."""
    made = parser("status", "Show which versions are deployed, with which share of the requests, and where.")
    made.add_argument("name", nargs="?", metavar="NAME", help="one deployment; all when not given")
    given = made.parse_args(argv)
    work = Workspace.here()
    place = Place(work.project.root, work.project.state)
    found = deployments(work, place, given.name)
    for item in found:
        settle_due(open_registry(work, (), choice="mlflow"), item, place)
    if given.json:
        values = [item.to_json() for item in found]
        print(json.dumps(values[0] if given.name else values, ensure_ascii=False))
    elif found:
        print(table(("deployment", "target", "phase", "versions", "at", "note"), [_row(item) for item in found]))
        print("".join(f"{line}\n" for line in _history(found[0])) if given.name else "", end="")
    else:
        print("nothing is deployed; to deploy: mlops deploy model=NAME")
    return 0


def _row(item: Deployed) -> tuple[str, ...]:
    versions = [
        f"{served.model} {served.version} {'(shadow)' if served.shadow else f'{served.share:.0%}'}"
        for served in item.served
    ]
    return (item.name, item.target, item.phase, ", ".join(versions) or "–", item.url or "–", item.note)


def _history(item: Deployed) -> list[str]:
    lines = item.facts.get("history") or []
    return ["", *(f"{line['time'][:19].replace('T', ' ')}  {line['why']}" for line in lines)] if lines else []
