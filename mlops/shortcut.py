"""A run in which nothing can have changed, recognised before anything heavy is loaded.

After a run whose every stage can be reused, a note is left of all that its plan looked at: config
files, code, installed libraries, data files, environment variables, artifacts. The next run of the
same overrides looks at the same things; if all of them look untouched, the plan is the same and
the run is recorded at once. Whatever looks different, or was touched too lately to tell, is left
to the planner. The note is a hint: losing it costs time, never correctness.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from mlops.durable import is_locked, write_hint
from mlops.environment import begin
from mlops.errors import MlopsError
from mlops.masking import Mask, named_in
from mlops.outcome import Finished, Recorder, Report, add_fragment, say_ending
from mlops.project import Project
from mlops.record import RunFacts, RunRecord
from mlops.salting import hidden
from mlops.sight import MARGIN, Sight, look
from mlops.store import OutputRef, Store
from mlops.tracking import StepResult

__all__ = ["Glance", "glance", "leave", "take"]

_VERSION = 3
_TOLD = ("recipe", "seed", "document", "plan", "pages", "search", "steps", "files", "locks")
_CLOCK_STEP = 20_000_000
"""Nanoseconds by which a file system's clock may lag behind the one that is read here."""


def take(project: Project, overrides: Sequence[str], *, out: TextIO) -> Finished | None:
    """Carry out a run by its note.

    Returns:
        What came of it; None when there is no note or anything at all looks different.
    """
    note = _read(_path(project, overrides))
    if note is None:
        return None
    store = Store(project.state / "store")
    capture = begin(project.root)
    try:
        with store.using():
            if _is_untouched(project, note, store):
                return _recorded(project, note, overrides, store=store, environment=capture.finish(), out=out)
    finally:
        capture.abandon()
    return None


@dataclass(frozen=True)
class Glance:
    """The project's own files as a run finds them before it reads any."""

    began: int
    """Nanoseconds since the epoch."""

    digest: str


def glance(project: Project) -> Glance:
    """Look around before a run reads anything, so that what changes while it works is noticed at its end."""
    began = time.time_ns()
    return Glance(began, _seen(project, [], []).digest)


def leave(project: Project, overrides: Sequence[str], facts: Mapping[str, Any], *, since: Glance) -> None:
    """Leave a note of a plan in which every stage is reused, unless anything changed while the run worked.

    Args:
        project: where.
        overrides: the command line the note is for.
        facts: recipe, seed, document, plan (text), packages (folders of code), sources (as written),
            secrets (name → value), texts (of the config files), steps (JSON of `StepResult`, with keys),
            files and locks (by which effects outside the store are seen to stand).
        since: what the run saw before it read anything.
    """
    names = named_in((*facts["texts"], *overrides))
    told = any("://" in source or _is_told_by(source, facts["secrets"]) for source in facts["sources"])
    elsewhere = any(not project.find(source) for source in facts["sources"])  # a version control has it
    if told or elsewhere or not names <= set(facts["secrets"]):
        return
    packages, sources = list(facts["packages"]), list(facts["sources"])
    seen = _seen(project, packages, sources)
    if seen.newest > since.began - _CLOCK_STEP or glance(project).digest != since.digest:
        return
    note = {
        "version": _VERSION,
        "written": time.time_ns(),
        "seen": seen.digest,
        "environment": hidden(project.state, {name: facts["secrets"][name] for name in sorted(names)}),
        "effects": look([], facts["files"]).digest,
        "packages": packages,
        "sources": sources,
        **{
            name: facts[name]
            for name in ("recipe", "seed", "document", "plan", "pages", "search", "steps", "files", "locks")
        },
    }
    write_hint(_path(project, overrides), json.dumps(note, ensure_ascii=False).encode())


def _is_told_by(source: str, secrets: Mapping[str, str]) -> bool:
    """Whether writing a source down would tell a secret, or part of one."""
    return any(source in value or value in source for value in secrets.values() if value)


def _path(project: Project, overrides: Sequence[str]) -> Path:
    name = hashlib.blake2b(json.dumps(list(overrides)).encode(), digest_size=16).hexdigest()
    return project.state / "cache" / "shortcuts" / f"{name}.json"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        note = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and note.get("version") == _VERSION else None


def _seen(project: Project, packages: Sequence[str], sources: Sequence[str]) -> Sight:
    """Look at everything a plan looks at."""
    configs = [str(base / kind) for base in project.bases for kind in ("conf", "recipes")]
    found = [path for source in sources for path in project.find(source)]
    folders = [path for path in found if Path(path).is_dir()]
    code = look([str(Path(__file__).parent), str(project.plugins), *packages, *folders], [*found, *_libraries()])
    config = look(configs, [], suffix=".yaml")
    words = (code.digest, config.digest, found, sys.version, sys.prefix, _libraries(), _cores())
    return Sight(hashlib.blake2b(repr(words).encode()).hexdigest(), max(code.newest, config.newest))


def _libraries() -> list[str]:
    """Folders whose date changes when a library is installed, upgraded or removed."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [path for path in sys.path if path.endswith(("site-packages", "dist-packages")) or (path and path in given)]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_untouched(project: Project, note: Mapping[str, Any], store: Store) -> bool:
    try:
        return _looks_untouched(project, note, store)
    except (MlopsError, KeyError, TypeError, ValueError, OSError):
        return False  # the planner meets the same trouble and explains it


def _looks_untouched(project: Project, note: Mapping[str, Any], store: Store) -> bool:
    wanted = note["environment"]
    if any(name not in os.environ for name in wanted):
        return False
    if hidden(project.state, {name: os.environ[name] for name in wanted}) != wanted:
        return False
    seen = _seen(project, note["packages"], note["sources"])
    if seen.digest != note["seen"] or seen.newest > note["written"] - MARGIN:
        return False
    return _stands(note) and all(_is_whole(store, step) for step in note["steps"])


def _stands(note: Mapping[str, Any]) -> bool:
    """Whether effects outside the store look as they did, long enough after they were last touched."""
    effects = look([], note["files"])
    if effects.digest != note["effects"] or effects.newest > note["written"] - MARGIN:
        return False
    return all(is_locked(Path(lock)) for lock in note["locks"])


def _is_whole(store: Store, step: Mapping[str, Any]) -> bool:
    entry = store.find(step["key"])
    if entry is None or {ref.name: ref.digest for ref in entry.outputs} != {
        name: output["digest"] for name, output in step["outputs"].items()
    }:
        return False
    for ref in entry.outputs:
        store.check(ref.digest)
    return True


def _recorded(
    project: Project,
    note: Mapping[str, Any],
    overrides: Sequence[str],
    *,
    store: Store,
    environment: dict[str, Any],
    out: TextIO,
) -> Finished:
    from mlops.display import Lines

    facts = RunFacts(note["recipe"], note["document"], tuple(overrides), note["seed"], environment)
    out.write(f"recipe {note['recipe']}\n{note['plan']}\n\n")
    show = Lines(out, str)
    report = Report(steps=[_result(step) for step in note["steps"]])
    mask = _mask(note)
    with RunRecord.open(project.state / "runs", facts, mask=mask) as record:
        for name, text in note["pages"].items():
            add_fragment(record.folder, name, text)
        recorder = Recorder(record.event)
        for result in report.steps:
            recorder.step_finished(result)
            show.step_finished(result)
        record.finish("done", metrics=report.metrics)
    say_ending(report, record.folder, overrides, store=store, out=out)
    return Finished(record.id, report, note["search"])


def _mask(note: Mapping[str, Any]) -> Any:
    if not note["environment"]:
        return str
    return Mask({name: os.environ[name] for name in note["environment"]})


def _result(step: Mapping[str, Any]) -> StepResult:
    outputs = tuple(OutputRef(name, ref["format"], ref["digest"]) for name, ref in step["outputs"].items())
    known = {**step, "reasons": tuple(step["reasons"]), "outputs": outputs}
    return StepResult(**known)
