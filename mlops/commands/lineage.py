"""``mlops lineage``: the way from data to what was made of it."""

from __future__ import annotations

import json
from pathlib import Path

from mlops.ancestry import trace
from mlops.ancestry.page import render_page
from mlops.ancestry.view import render
from mlops.commands.arguments import parser
from mlops.durable import write_atomic
from mlops.project import Project

__all__ = ["main"]

_DESCRIPTION = "Show the way from versions of data through stages to artifacts, registered models and deployments."


def main(argv: list[str]) -> int:
    """Print a lineage, or draw it on a page."""
    made = parser("lineage", _DESCRIPTION)
    about = "a run's ID, MODEL@VERSION, MODEL@ALIAS, the beginning of a digest, a deployment; default: last"
    made.add_argument("name", nargs="?", default="last", metavar="NAME", help=about)
    made.add_argument("--html", type=Path, metavar="FILE", help="draw it on a page")
    given = made.parse_args(argv)
    lineage = trace(Project.here(), given.name)
    if given.html is not None:
        write_atomic(given.html, render_page(lineage).encode())
    if given.json:
        print(json.dumps(lineage.to_json(), ensure_ascii=False))
    else:
        print(render(lineage) if given.html is None else f"page     {given.html}")
    return 0
