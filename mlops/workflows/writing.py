"""Fills the templates and writes them into ``.github/workflows``."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mlops.durable import write_atomic
from mlops.errors import ProjectError
from mlops.workflows.choices import Choices

__all__ = ["FOLDER", "render_workflows", "write_workflows"]

FOLDER = Path(".github/workflows")
_SUFFIX = ".template"
_SLOT = re.compile(r"@([a-z_]+)@")


def write_workflows(root: Path, choices: Choices, *, force: bool = False) -> list[str]:
    """Write the workflows into a project.

    Args:
        root: top of the repository.
        choices: what they are made for.
        force: replace files that are there.

    Returns:
        The files written, by their names in the project.

    Raises:
        ProjectError: files are there already; nothing was written.
    """
    files = render_workflows(choices)
    taken = [name for name, text in files.items() if _differs(root / name, text)]
    if taken and not force:
        raise ProjectError(
            f"there are {', '.join(taken)} already; nothing was written",
            where=str(root / FOLDER),
            fix="compare them, and add --force to replace them",
        )
    for name, text in files.items():
        write_atomic(root / name, text.encode())
    return list(files)


def _differs(path: Path, text: str) -> bool:
    """Tell whether something else is there; a file that is just like that need not be replaced."""
    if path.is_symlink() or not path.exists():
        return path.is_symlink()
    return not path.is_file() or path.read_bytes() != text.encode()


def render_workflows(choices: Choices) -> dict[str, str]:
    """Fill each template: name of the file → text."""
    folder = Path(__file__).parent / "templates"
    files = sorted(folder.glob(f"mlops-*{_SUFFIX}"))
    shared = (folder / f"setup{_SUFFIX}").read_text(encoding="utf-8")
    slots = _slots(choices) | {"setup": _filled(shared, _slots(choices)).strip("\n")}
    return {
        (FOLDER / path.name.removesuffix(_SUFFIX)).as_posix(): _filled(path.read_text(encoding="utf-8"), slots)
        for path in files
    }


def _slots(choices: Choices) -> dict[str, str]:
    cached = f"\n          cache: pip\n          cache-dependency-path: {choices.locked}" if choices.locked else ""
    return {
        "recipe": choices.recipe,
        "branch": json.dumps(choices.branch),
        "python": json.dumps(choices.python),
        "python_plain": choices.python,
        "install": json.dumps(choices.install, ensure_ascii=False),
        "cache_pip": cached,
        "smoke": json.dumps(f"mlops run recipe={choices.recipe}{choices.smoke}", ensure_ascii=False),
        "full": json.dumps(f"mlops run recipe={choices.recipe}{choices.full}", ensure_ascii=False),
        "runner": choices.runner,
        "stop": choices.full_end or "its last stage",
    }


def _filled(template: str, slots: dict[str, str]) -> str:
    return _SLOT.sub(lambda found: slots[found[1]], template)
