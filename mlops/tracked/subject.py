"""A run and its tracker, as the run's folder tells them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops import __version__
from mlops.errors import ProjectError
from mlops.masking import Mask, named_in, reveal
from mlops.plugins import Plugins
from mlops.project import Project
from mlops.run_reading import Run, read_run
from mlops.services.tracker import TrackedRun, Tracker
from mlops.stage import Place
from mlops.tracked.spool import milliseconds
from mlops.tracked.wording import without_passwords
from mlops.yaml_file import parse

__all__ = ["Subject", "has_tracker", "made_tracker", "subject", "subject_or_none"]

SECTION = "tracker"
_LONGEST = 500
"""Characters of a parameter's value."""


@dataclass(frozen=True)
class Subject:
    """One run with its tracker."""

    tracker: Tracker
    destination: str
    """Digest of the tracker's section."""

    seen: TrackedRun
    """The run as it looked when its tracker was read."""

    description: str
    place: Place
    mask: Mask

    def now(self, run: Run) -> TrackedRun:
        """Describe the run as it looks now."""
        return _described(run, self.seen.parameters, self.description)


def _described(run: Run, parameters: Mapping[str, str], description: str) -> TrackedRun:
    return TrackedRun(
        id=run.id,
        recipe=run.recipe,
        folder=run.folder,
        parent=run.parent,
        started=milliseconds(run.started),
        parameters=parameters,
        tags=_tags(run, description),
    )


def has_tracker(folder: Path) -> bool:
    """Tell whether a run's recipe names a tracker, without parsing it."""
    try:
        text = (folder / "recipe.yaml").read_bytes()
    except OSError:
        return False
    start = text.find(b"\ntracker:\n") + 1 or (1 if text.startswith(b"tracker:\n") else 0)
    return start > 0


def subject(project: Project, folder: Path) -> Subject | None:
    """Read a run's tracker from its recipe.

    Returns:
        None when it has none.

    Raises:
        ProjectError: the recipe cannot be read, or a variable of the environment that it names is not set.
        TargetRefused, ValidationError: the tracker is not there or does not take its keys.
    """
    text = (folder / "recipe.yaml").read_text(encoding="utf-8")
    values = _values(text, folder)
    section = values.get(SECTION)
    if not isinstance(section, Mapping) or "_target_" not in section:
        return None
    secrets = _secrets(section)
    run = read_run(folder)
    description = str(values.get("description") or "")
    parameters = dict(_flat({key: value for key, value in values.items() if key not in {SECTION, "description"}}))
    return Subject(
        tracker=made_tracker(reveal(section, secrets), Plugins(project.plugins)),
        destination=_digest(section),
        seen=_described(run, parameters, description),
        description=description,
        place=Place(project.root, project.state, run.recipe, run.id),
        mask=Mask(secrets),
    )


def subject_or_none(project: Project, folder: Path) -> Subject | None:
    """Read a run's tracker, where that works; what is wrong with it comes out when something is delivered."""
    try:
        return subject(project, folder)
    except Exception:  # noqa: BLE001 - a plugin may raise anything
        return None


def made_tracker(section: Mapping[str, Any], plugins: Plugins) -> Tracker:
    """Make the tracker that a section describes, references to the environment replaced.

    Raises:
        TargetRefused: what it names is not a tracker.
    """
    kind = plugins.resolve(section.get("_target_"), Tracker)
    keys = {key: value for key, value in section.items() if key != "_target_"}
    made = kind.model_validate(keys, context={"resolve": plugins.resolve})
    assert isinstance(made, Tracker)  # noqa: S101 - resolved as one
    return made


def _values(text: str, folder: Path) -> dict[str, Any]:
    file = parse(text, str(folder / "recipe.yaml"))
    values = file.root.data() if not file.faults else None
    if not isinstance(values, dict):
        raise ProjectError("the recipe that the run kept cannot be read", where=file.name)
    return values


def _secrets(section: Mapping[str, Any]) -> dict[str, str]:
    names = named_in([json.dumps(section)])
    missing = sorted(name for name in names if name not in os.environ)
    if missing:
        raise ProjectError(
            f"the environment variable {missing[0]} is not set, which the tracker needs",
            fix=f"export {missing[0]}=…, then mlops runs sync",
        )
    return {name: os.environ[name] for name in names}


def _digest(values: Any) -> str:
    return hashlib.blake2b(json.dumps(values, sort_keys=True).encode(), digest_size=12).hexdigest()


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Give dotted key → text of every value; a list of plain values is one."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        for index, item in enumerate(value):
            yield from _flat(item, f"{path}.{index}")
    else:
        text = without_passwords(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        yield path, text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _tags(run: Run, description: str) -> dict[str, str]:
    git = run.environment.get("git") or {}
    known = {
        "recipe": run.recipe,
        "parent": run.parent,
        "overrides": without_passwords(" ".join(run.overrides)),
        "seed": "" if run.seed is None else str(run.seed),
        "version": __version__,
        "description": description,
        "git.commit": git.get("commit"),
        "git.branch": git.get("branch"),
        "git.dirty": "true" if git.get("dirty") else "",
        "error": run.error,
    }
    return {name: str(value) for name, value in known.items() if value}
