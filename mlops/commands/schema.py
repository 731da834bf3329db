"""``mlops schema``: the JSON Schema that gives editors completion, hover text and red lines."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mlops.commands.arguments import parser
from mlops.durable import write_atomic
from mlops.schema import recipe_schema, schema_text
from mlops.workspace import Workspace

__all__ = ["FILE", "main", "write_schema"]

FILE = "recipe.schema.json"
"""Name of the schema in the project's .mlops/."""

_DESCRIPTION = (
    "Write the JSON Schema of this project's recipes, from its groups and all installed plugins. "
    f"A recipe that opens with '# yaml-language-server: $schema=../.mlops/{FILE}' gets completion and hover text."
)


def main(argv: list[str]) -> int:
    """Write the schema, by default where recipes look for it."""
    made = parser("schema", _DESCRIPTION)
    made.add_argument("--output", metavar="FILE", help=f"where to write; - prints it (default: .mlops/{FILE})")
    given = made.parse_args(argv)
    work = Workspace.here()
    if given.output == "-":
        sys.stdout.write(schema_text(recipe_schema(work.catalog, work.plugins)))
        return 0
    name = write_schema(work, Path(given.output).absolute() if given.output else None)
    print(json.dumps({"written": name}) if given.json else f"wrote {name}")
    return 0


def write_schema(work: Workspace, path: Path | None = None) -> str:
    """Write the schema of a project.

    Returns:
        The file's name, seen from the project.
    """
    path = path or work.project.state / FILE
    write_atomic(path, schema_text(recipe_schema(work.catalog, work.plugins)).encode())
    return work.project.show(path)
