"""Searches whose journals nobody comes back to."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from mlops.durable import is_locked
from mlops.run_reading import Run
from mlops.searching.journal import Journal

__all__ = ["forgotten_searches"]

_DAYS = 30
"""A search that was not added to for so long may be let go."""


def forgotten_searches(state: Path, runs: Iterable[Run], recipes: Collection[str]) -> list[Path]:
    """List the folders of old searches whose recipe is gone, or of which no run is left.

    Args:
        state: the project's ``.mlops``.
        runs: those that are kept. One of the search's recipe may be repeated with what was found, so it counts.
        recipes: names of those that there are.
    """
    kept = tuple(runs)
    named = {run.recipe for run in kept} | {run.id for run in kept}
    return [journal.folder for journal in _old(state) if _is_forgotten(journal, named, recipes)]


def _old(state: Path) -> Iterator[Journal]:
    limit = time.time() - _DAYS * 86_400
    for folder in sorted(path for path in (state / "searches").glob("*") if path.is_dir()):
        journal = Journal(folder)
        touched = max((path.stat().st_mtime for path in folder.iterdir()), default=folder.stat().st_mtime)
        if touched < limit and not is_locked(journal.lock):
            yield journal


def _is_forgotten(journal: Journal, named: set[str], recipes: Collection[str]) -> bool:
    recipe = str(_about(journal).get("recipe", ""))
    if recipe not in recipes:
        return True
    return recipe not in named and not any(trial.run in named for trial in journal.read().trials)


def _about(journal: Journal) -> dict[str, Any]:
    try:
        about = json.loads((journal.folder / "search.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}
