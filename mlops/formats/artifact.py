"""The base of every artifact handle: a folder in a known format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

__all__ = ["Artifact", "write_json"]


def write_json(path: Path, value: Any) -> None:
    """Write JSON that is the same, byte for byte, whenever the value is the same."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class Artifact:
    """A light handle on an immutable folder; its methods read, they never write.

    A stage makes one with the format's ``create`` class method in ``context.output(name)``;
    the runner then commits the folder.
    """

    format: ClassVar[str]
    """The format's name; also the default name of a stage's output."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"

    def summary(self) -> str:
        """Say in a few words what is inside, for the end of a run."""
        return ""

    def read_json(self, name: str) -> Any:
        """Read one JSON file of the folder."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))
