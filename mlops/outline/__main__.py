"""The process that outlines a recipe of another commit: a request on standard input, JSON on standard output."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mlops.checkout import Borrowed
from mlops.errors import MlopsError
from mlops.outline.reading import outline_of
from mlops.workspace import Workspace

__all__ = ["main"]


def main() -> int:
    """Answer one request."""
    asked: dict[str, Any] = json.loads(sys.stdin.read())
    project = Borrowed(Path(asked["root"]), Path(asked["state"]), Path(asked["behind"]))
    work = Workspace(project)
    try:
        answer = outline_of(work, work.recipe(asked["overrides"]), lenient=True).to_json()
    except MlopsError as exc:
        answer = {"error": str(exc)}
    sys.stdout.write(json.dumps(answer, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
