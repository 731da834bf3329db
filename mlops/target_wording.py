"""Words for what is wrong with a ``_target_``: its form, or an import that failed."""

from __future__ import annotations

import traceback
import unicodedata
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError

__all__ = ["import_fix", "line_of", "not_dotted", "suggestion", "words_of"]


def not_dotted(target: Any) -> str:
    """Say what is wrong with a name: a reference to the environment, a strange letter, or its form."""
    if not isinstance(target, str):
        return f"{target!r} is not a dotted name"
    if "${oc.env:" in target:
        return "a target must be written in the recipe, not come from the environment"
    strange = next((letter for letter in target if not letter.isascii()), None)
    if strange:
        return f"{target!r} is not a dotted name: it holds {unicodedata.name(strange, 'a letter')} ({strange!r})"
    return f"{target!r} is not a dotted name"


def line_of(exc: BaseException, folder: Path) -> str:
    """Name the last line of the project's plugins that an import ran."""
    if isinstance(exc, SyntaxError) and exc.filename and Path(exc.filename).is_relative_to(folder):
        return f" (plugins/{Path(exc.filename).relative_to(folder)}:{exc.lineno})"
    frames = [f for f in traceback.extract_tb(exc.__traceback__) if Path(f.filename).is_relative_to(folder)]
    return f" (plugins/{Path(frames[-1].filename).relative_to(folder)}:{frames[-1].lineno})" if frames else ""


def words_of(exc: BaseException) -> str:
    """Name an exception and the first line of what it says."""
    text = exc.what if isinstance(exc, MlopsError) else str(exc)
    return f"{type(exc).__name__}: {text.splitlines()[0]}" if text else type(exc).__name__


def import_fix(exc: BaseException) -> str:
    """Say how to mend an import that failed."""
    if isinstance(exc, MlopsError):
        return exc.fix
    if isinstance(exc, ModuleNotFoundError) and exc.name:
        return f"install {exc.name.split('.', 1)[0]}, or see how it is spelt"
    return "mend the module; python -c 'import …' shows the whole traceback"


def suggestion(name: str, choices: list[str]) -> str:
    """Suggest the nearest name, or list what there is."""
    near = get_close_matches(name, choices, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there are {', '.join(sorted(choices))}" if choices else ""
