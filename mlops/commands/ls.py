"""``mlops ls``: recipes, config groups with their choices, stages and parts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from mlops.commands.arguments import parser
from mlops.describe import one_line
from mlops.formats.model import Estimator
from mlops.stage import Part, Stage
from mlops.text import table
from mlops.workspace import Workspace
from mlops.yaml_file import YamlFile

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """List what there is to use."""
    made = parser("ls", "List recipes, config groups with their choices, and stages, each with its one line.")
    made.add_argument("what", nargs="?", choices=("recipes", "groups", "stages", "models"), help="only these")
    given = made.parse_args(argv)
    work = Workspace.here()
    found: dict[str, dict[str, str] | dict[str, list[str]]] = {
        "recipes": {name: _about(work.catalog.load(f"recipe/{name}")) for name in work.catalog.recipes()},
        "groups": {group: work.catalog.options(group) for group in work.catalog.groups()},
        "stages": _parts(work, Stage),
        "models": _parts(work, Estimator),
    }
    found = {kind: value for kind, value in found.items() if given.what in (None, kind)}
    print(
        json.dumps(found, ensure_ascii=False)
        if given.json
        else "\n\n".join(_render(kind, entries) for kind, entries in found.items())
    )
    return 0


def _parts(work: Workspace, kind: type[Part]) -> dict[str, str]:
    return {target: one_line(cls) for target, cls in sorted(work.plugins.parts(kind))}


def _about(file: YamlFile | None) -> str:
    """First line of the comment that opens a file."""
    found = re.match(r"(?:#\s*yaml-language-server.*\n)?\s*#\s*(.+)", file.text) if file else None
    return found[1].strip() if found else ""


def _render(kind: str, entries: Mapping[str, str | list[str]]) -> str:
    rows = [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in entries.items()]
    return table((kind, ""), rows) if rows else f"{kind}\n(none)"
