"""Words that may stand at the cursor: recipes, groups, choices and keys as Hydra finds them, stages, runs, flags."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from contextlib import redirect_stdout

from mlops.catalog import Catalog
from mlops.project import Project

__all__ = ["ASKED", "SETTLED", "candidates"]

_SELECTION = ("--from", "--to", "--only", "--force")

ASKED = {
    "run": ("--json", *_SELECTION, "--multirun", "-m", "--cfg", "--info", "--help"),
    "plan": ("--json", *_SELECTION, "--help"),
    "check": ("--json", "--help"),
    "explain": ("--json", "--help"),
    "monitor": ("--watch", "--no-retrain", "--json", "--help"),
    "retrain": ("--dry-run", "--force", "--json", "--help"),
    "runs": ("--json", "--help"),
    "reproduce": ("--at-commit", "--strict", "--keep", "--json", "--help"),
    "lineage": ("--html", "--json", "--help"),
    "models": ("--registry", "--json", "--help"),
    "deploy": ("--json", "--help"),
    "status": ("--json", "--help"),
    "rollback": ("--why", "--json", "--help"),
    "stop": ("--why", "--json", "--help"),
}
"""Verbs whose words depend on the project, with their flags."""

SETTLED = {
    "ls": ("recipes", "groups", "stages", "models", "--json", "--help"),
    "predict": (
        *(
            "model=",
            "input=",
            "output=",
            "keep=",
            "bad_rows=",
            "overwrite=",
            "batch=",
            "null=",
            "separator=",
            "history.",
        ),
        *("--json", "--help"),
    ),
    "data": ("infer", "track", "push", "pull", "log", "diff", "--help"),
    "ui": ("--tracker", "--port", "--json", "--help"),
    "report": ("pr", "--base", "--output", "--help"),
    "ci": ("init", "--help"),
    "doctor": ("--deep", "--json", "--help"),
    "schema": ("--output", "--json", "--help"),
    "gc": ("--yes", "--json", "--help"),
    "init": ("--json", "--help"),
    "completion": ("bash", "zsh", "fish", "--json", "--help"),
}
"""Verbs whose words are always the same; the shell's script knows them."""

_SAFE = re.compile(r"[\w.=/+~@:,-]+")
"""What a shell takes as it stands: a value from a file with anything else in it is not offered."""

_RUNS = ("show", "diff", "rm", "sync", "list")
_MODELS = ("list", "show", "promote", "rollback", "history")
_SERVED = ("deploy", "status", "rollback", "stop")


def candidates(verb: str, word: str, others: Sequence[str]) -> list[str]:
    """List what may stand in a word's place.

    Args:
        verb: the verb of the command line.
        word: the word at the cursor, as far as it is typed.
        others: the other words behind the verb, in order; those after the cursor too.
    """
    others = [other for other in others if other]
    if verb not in ASKED:
        return []
    if word.startswith("-"):
        return [flag for flag in ASKED[verb] if flag.startswith(word)]
    found = _words(verb, word, others)
    return [item for item in found if item.startswith(word) and _SAFE.fullmatch(item)]


def _words(verb: str, word: str, others: Sequence[str]) -> list[str]:
    """Offer what the verb is about: runs, deployments, models, or what a recipe takes."""
    if verb == "runs" and not others:
        return list(_RUNS)
    if verb in ("runs", "reproduce", "lineage"):
        return sorted(_names("runs"), reverse=True)
    if verb in _SERVED:
        return sorted(_names("deployments"))
    if verb == "models":
        known = {name.removesuffix(".json") for name in _names("registry") if name.endswith(".json")}
        return sorted(known) if others else list(_MODELS)
    return _recipe_words(verb, word, others)


def _names(kind: str) -> list[str]:
    """List what lies in a folder of the project's state."""
    folder = Project.here().state / kind
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []


def _recipe_words(verb: str, word: str, others: Sequence[str]) -> list[str]:
    catalog = Catalog(Project.here())
    overrides = [other for other in others if "=" in other and not other.startswith("-")]
    if _wants_stage(others):
        return _stages(catalog, overrides)
    found = _from_hydra(catalog, [*(["-m"] if {"-m", "--multirun"} & {*others} else []), *overrides], word)
    if verb == "explain":
        found = [item.removesuffix("=") if _is_key(item, catalog) else item for item in found]
    return [item for item in found if word.startswith("hydra") or not item.startswith("hydra")]


def _wants_stage(others: Sequence[str]) -> bool:
    """Tell whether a flag still waits for the stage it takes."""
    behind = [*others[1:], "-"]
    return any(
        flag in _SELECTION and ("=" in word or word[0] == "-") for flag, word in zip(others, behind, strict=False)
    )


def _is_key(item: str, catalog: Catalog) -> bool:
    """Tell a key to explain from a choice to explain it under."""
    return item.endswith("=") and item.removesuffix("=") not in (*catalog.groups(), "recipe")


def _stages(catalog: Catalog, overrides: Sequence[str]) -> list[str]:
    from mlops.recipe.composition import compose

    listed = compose(catalog, overrides).raw.get("stages")
    return [stage for stage in listed if isinstance(stage, str)] if isinstance(listed, list) else []


def _from_hydra(catalog: Catalog, words: Sequence[str], word: str) -> list[str]:
    """Ask Hydra's own completion; it reads the line, without our verb, from the environment."""
    from mlops.recipe.app import application

    line = " ".join(["mlops", *words, word])
    before = {name: os.environ.get(name) for name in ("COMP_LINE", "COMP_POINT")}
    os.environ.update(COMP_LINE=line, COMP_POINT=str(len(line)))
    try:
        with redirect_stdout(io.StringIO()) as said:
            application(catalog, ["-sc", "query=fish"], lambda overrides: overrides)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return said.getvalue().splitlines()
