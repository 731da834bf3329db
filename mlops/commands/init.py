"""``mlops init``: make a project of your own."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from mlops.commands.arguments import parser
from mlops.commands.schema import write_schema
from mlops.project import Project
from mlops.scaffold import RECIPE, make_project
from mlops.workspace import Workspace

__all__ = ["main"]

_DESCRIPTION = (
    "Make a project: conf/, recipes/, plugins/, data/ with a recipe that runs. They come before the packaged ones. "
    "Nothing is overwritten."
)


def main(argv: list[str]) -> int:
    """Make a project and say what to do next."""
    made = parser("init", _DESCRIPTION)
    made.add_argument("folder", type=Path, metavar="DIR", help="a new folder, or one without these files")
    given = made.parse_args(argv)
    folder: Path = given.folder.absolute()
    files = make_project(folder)
    schema = write_schema(Workspace(Project(folder)))
    steps = [f"cd {shlex.quote(str(given.folder))}", f"mlops plan recipe={RECIPE}", f"mlops run recipe={RECIPE}"]
    if given.json:
        print(json.dumps({"project": str(folder), "files": [*files, schema], "next": steps}))
        return 0
    print(f"made {given.folder}:")
    print("\n".join(f"  {name}" for name in [*files, schema]))
    print("\nnext:")
    print("\n".join(f"  {step}" for step in steps))
    return 0
