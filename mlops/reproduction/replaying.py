"""A recorded recipe carried out in a fresh store: none of the run's artifacts is used, nothing outside is done."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TextIO

from mlops.display import watcher_for
from mlops.errors import ProjectError
from mlops.execution import executors_of, limit_threads
from mlops.masking import Mask
from mlops.outcome import Report
from mlops.outline import Outline
from mlops.plan import Plan
from mlops.recipe.model import Recipe
from mlops.recipe.recorded import restore
from mlops.reproduction.circumstances import made
from mlops.reproduction.model import Left
from mlops.run_reading import Run
from mlops.runner import Bench, execute
from mlops.tracking import Followers
from mlops.workspace import Workspace

__all__ = ["Replay", "divided", "recorded_recipe", "replay"]

_EFFECT = "it acts outside its outputs, on what may have changed since"


@dataclass(frozen=True)
class Replay:
    """What a replay made."""

    report: Report
    plan: Plan


def recorded_recipe(work: Workspace, run: Run) -> Recipe:
    """Read the resolved recipe that a run kept.

    Raises:
        ProjectError: the run kept none.
        RecipeError: it no longer fits the stages as they are now.
    """
    path = run.folder / "recipe.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ProjectError(f"run {run.id} kept no recipe", where=str(path), fix="choose another run") from exc
    found = restore(text, run.recipe, where=str(path), catalog=work.catalog, plugins=work.plugins)
    return replace(found, executor=_as_many_threads(found.executor, run.environment))


def _as_many_threads(executor: Any, environment: Mapping[str, Any]) -> Any:
    """Give stages no more threads than they had: sums in another order have other last digits."""
    cpu = environment.get("cpu") or {}
    limit = cpu.get("limit")
    counts = [int(cpu["usable"])] if cpu.get("usable") else []
    counts += [max(1, -int(-float(limit) // 1))] if limit else []
    if not counts or getattr(executor, "cpus", 0) is not None:
        return executor
    return executor.model_copy(update={"cpus": min(counts)})


def divided(outline: Outline, run: Run) -> tuple[tuple[str, ...], tuple[Left, ...]]:
    """Part the stages of a run into those to replay and those to leave out, with why."""
    finished = {str(step["stage"]) for step in made(run)}
    left: dict[str, str] = {}
    for stage in outline.stages:
        missing = [name for name in stage.makers if name in left]
        if stage.effect:
            left[stage.name] = _EFFECT
        elif missing:
            left[stage.name] = f"it needs {missing[0]}, which is left out"
        elif stage.name not in finished:
            left[stage.name] = "the run did not finish it"
    kept = tuple(stage.name for stage in outline.stages if stage.name not in left)
    return kept, tuple(Left(name, why) for name, why in left.items())


def replay(work: Workspace, recipe: Recipe, stages: tuple[str, ...], *, out: TextIO) -> Replay:
    """Carry out some stages of a recipe in the project's own, empty, store.

    Args:
        work: a project whose state is empty.
        recipe: the recipe.
        stages: those to carry out.
        out: where progress is shown.
    """
    kept = replace(recipe, sections=tuple(section for section in recipe.sections if section.name in stages))
    mask = Mask(recipe.secrets)
    executors = executors_of(work, kept)
    limit_threads(executors[None].threads())
    with work.store.using(), _logged(out, mask):
        plan = work.plan(kept)
        watch = Followers((watcher_for(out, mask),))
        report = execute(plan, Bench(work.project, kept, work.store, "replay", executors, watch))
    return Replay(report, plan)


class _Warnings(logging.Handler):
    """Shows what stages warn of, secrets masked."""

    def __init__(self, out: TextIO, mask: Mask) -> None:
        super().__init__(logging.WARNING)
        self._out = out
        self._mask = mask

    def emit(self, record: logging.LogRecord) -> None:
        stage = record.name.removeprefix("mlops.stage.")
        self._out.write(self._mask(f"{record.levelname.lower()} {stage}: {record.getMessage()}") + "\n")


@contextmanager
def _logged(out: TextIO, mask: Mask) -> Iterator[None]:
    log, handler = logging.getLogger("mlops.stage"), _Warnings(out, mask)
    log.addHandler(handler)
    before, log.propagate = log.propagate, False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = before
