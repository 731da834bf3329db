"""What is not as it was when a run was made: code, libraries, Python, machine, data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlops.environment import capture
from mlops.errors import ProjectError
from mlops.fingerprint import Ingredients
from mlops.outline import Outline
from mlops.project import Project
from mlops.reproduction.model import Setting
from mlops.run_reading import Run

__all__ = ["changes_since", "made", "refuse_other_data"]

_ABSENT = "not there"
_DIGEST = re.compile(r"[0-9a-f]{32,}")
_BRIEF = 12
"""Characters of a digest that a person needs to see."""


def made(run: Run) -> list[Mapping[str, Any]]:
    """List the finished steps of a run, those that left outputs to compare with."""
    return [step for step in run.steps if step.get("outputs") and step.get("ingredients")]


def changes_since(run: Run, outline: Outline, project: Project) -> tuple[Setting, ...]:
    """List what differs between a run and a replay of it here and now.

    Args:
        run: as recorded.
        outline: of its recipe, as the code and data are now.
        project: where the replay works.
    """
    recorded = {str(step["stage"]): Ingredients.from_json(step["ingredients"]) for step in made(run)}
    pairs = [(s.name, recorded[s.name], s.ingredients) for s in outline.stages if s.name in recorded]
    here = capture(project.root)
    return (
        *_files("data", ((name, old.sources, new.sources) for name, old, new in pairs)),
        *_files("code", ((name, old.code, new.code) for name, old, new in pairs)),
        *_files("library", ((name, old.libraries, new.libraries) for name, old, new in pairs)),
        *_environment(run.environment, here),
    )


def _files(kind: Any, pairs: Iterable[tuple[str, Mapping[str, str], Mapping[str, str]]]) -> Iterator[Setting]:
    """Tell mappings of name → digest or version apart, naming each change once with the stages it counts in."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for stage, old, new in pairs:
        for name in sorted({*old, *new}):
            change = (name, old.get(name, _ABSENT), new.get(name, _ABSENT))
            if change[1] != change[2]:
                found.setdefault(change, []).append(stage)
    for (name, was, now), stages in sorted(found.items()):
        yield Setting(kind, name, _brief(was), _brief(now), tuple(stages))


def _brief(text: str) -> str:
    return text[:_BRIEF] if _DIGEST.fullmatch(text) else text


def _environment(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Setting]:
    old, new = _python(was), _python(now)
    if old and old != new:
        yield Setting("python", "Python", old, new)
    for name, key, inner in (("CPU", "cpu", "model"), ("kind of machine", "os", "machine"), ("system", "os", "name")):
        before, after = ((facts.get(key) or {}).get(inner, "") for facts in (was, now))
        if before and before != after:
            yield Setting("machine", name, str(before), str(after))


def _python(facts: Mapping[str, Any]) -> str:
    python = facts.get("python") or {}
    return f"{python.get('implementation', '')} {python.get('version', '')}".strip()


def refuse_other_data(run: Run, changed: Iterable[Setting]) -> None:
    """See that a replay would read what the run read.

    Raises:
        ProjectError: data is missing or has other bytes, or an environment variable another value.
    """
    data = [item for item in changed if item.kind == "data"]
    if not data:
        return
    names = "; ".join(f"{item.name}: {_said(item)}" for item in data)
    git = run.environment.get("git") or {}
    commit = str(git.get("commit", ""))[:12]
    back = f"git checkout {commit} -- FILE, " if commit else ""
    raise ProjectError(
        f"the data is not that of run {run.id}",
        where=names,
        fix=f"bring it back ({back}dvc checkout, or a copy), or --at-commit if git or DVC tracks it",
    )


def _said(item: Setting) -> str:
    if item.name.startswith("${oc.env:"):
        return "the variable has another value"
    if item.now == _ABSENT:
        return f"is missing (the run read {item.was})"
    return f"has other bytes (the run read {item.was}, there is {item.now})"
