"""``mlops reproduce``: a recorded run carried out again and compared."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mlops.commands.arguments import parser
from mlops.project import Project
from mlops.reproduction import Request, reproduce
from mlops.reproduction.view import render

__all__ = ["main"]

_DESCRIPTION = (
    "Carry a recorded run out again, in a fresh store and on the same data, and compare every artifact and metric. "
    "Stages that act outside their outputs (register, deploy) are left out. Exit code 0: all equal; 1: not."
)


def main(argv: list[str]) -> int:
    """Reproduce a run and say what is equal."""
    made = parser("reproduce", _DESCRIPTION)
    made.add_argument("run", metavar="RUN", help="an ID, the beginning or end of one, or 'last'")
    made.add_argument("--at-commit", action="store_true", help="use the files of the commit that the run was made at")
    made.add_argument("--strict", action="store_true", help="refuse when code, libraries or Python differ")
    made.add_argument("--keep", type=Path, metavar="DIR", help="keep what the replay makes in this new folder")
    given = made.parse_args(argv)
    request = Request(given.run, strict=given.strict, at_commit=given.at_commit, keep=given.keep)
    found = reproduce(Project.here(), request, out=sys.stderr if given.json else sys.stdout)
    print(json.dumps(found.to_json(), ensure_ascii=False) if given.json else f"\n{render(found)}")
    return 0 if found.equal else 1
