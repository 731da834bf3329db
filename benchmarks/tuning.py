"""What a trial of a search costs beside its bare function, in this process and with Ray Tune, and where the time goes.

The function measures a height at twelve steps and writes a small table; a trial of the recipe does the same as a
stage: composed, validated, recorded, its table committed to the store.

python benchmarks/tuning.py
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import Cost, function, interleaved
from benchmarks.projects import temporary
from benchmarks.reporting import Aim, Report, Row, asked, milliseconds, present

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.searching.trying import Objective
    from mlops.services.searcher import Searcher, SearchTask, Trial

_TOY = Path(__file__).resolve().parent.parent / "tests" / "toy_search"
_LIMIT_MS = 30
"""Most processor time that a trial may cost beside its stage; waiting for a busy disk comes on top."""

_NOTE = (
    "{trials} trials a go, of a stage that takes {bare} by itself. Ray had been started before ({start}, once a "
    "search);\nits trials are made one at a time, in a process that is used again."
)


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=3, more=_arguments)
    with temporary() as folder:
        present(_measured(folder, given), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trials", type=int, default=40, help="trials of each go (default 40)")


@dataclass
class _Bench:
    """A project whose shared stages have run, and values that were never tried."""

    objective: Objective
    folder: Path
    trials: int
    tried: int = 0

    def fresh(self) -> dict[str, float]:
        """Give values that are new, so that nothing is reused."""
        self.tried += 1
        return {"climb.x": 1 + self.tried * 1e-6}

    def bare(self) -> Any:
        """Call the stage's function, and nothing else."""
        from hill.stages import Climb  # type: ignore[import-not-found] # of the project that is measured

        from mlops.testing import make_context

        values = self.fresh()
        (shared,) = self.objective.shared
        table = _table(self.objective, shared.outputs[0].digest)
        return Climb(x=values["climb.x"]).run(table, context=make_context(self.folder / f"bare-{self.tried}"))

    def trial(self) -> Trial:
        """Make one trial of the recipe."""
        return self.objective(self.tried, self.fresh(), lambda _step, _value: None)

    def search(self, searcher: Searcher) -> None:
        """Search with new values; each go has a seed of its own."""
        self.tried += 1
        searcher.search(self._task())

    def _task(self) -> SearchTask:
        from mlops.services.searcher import SearchTask
        from mlops.services.space import Parameter, Uniform

        space = (Parameter("climb.x", Uniform(search="uniform", low=0.0, high=5.0)),)
        scratch = self.folder / f"scratch-{self.tried}"
        scratch.mkdir()
        return SearchTask(
            space, self.objective, (), self.trials, lambda _: None, seed=self.tried, concurrency=1, scratch=scratch
        )


def _table(objective: Objective, digest: str) -> Any:
    from mlops.formats import Table
    from mlops.workspace import Workspace

    return Table(Workspace(objective.project).store.path(digest))


def _measured(folder: Path, given: argparse.Namespace) -> Report:
    from mlops_optuna.searcher import OptunaSearcher
    from mlops_ray.cluster import start
    from mlops_ray.searcher import RayTune

    bench = _prepared(folder, given.trials)
    wall = time.perf_counter()
    cluster = start(1)
    started = time.perf_counter() - wall
    cases: Mapping[str, Callable[[], object]] = {
        "bare": lambda: [bench.bare() for _ in range(given.trials)],
        "trial": lambda: [bench.trial() for _ in range(given.trials)],
        "optuna": lambda: bench.search(OptunaSearcher(pruner="none")),
        "ray": lambda: bench.search(RayTune(pruner="none")),
    }
    try:
        interleaved({name: _each(work, given.trials) for name, work in cases.items()}, repeats=1)
        found = interleaved({name: _each(work, given.trials) for name, work in cases.items()}, repeats=given.repeats)
    finally:
        cluster.close()
    rows = (
        Row("a trial called by itself", found["trial"], "its bare function", found["bare"]),
        Row("a trial of tune=local", found["optuna"], "its bare function", found["bare"]),
        Row("a trial of tune=ray", found["ray"], "its bare function", found["bare"]),
    )
    cost = (found["trial"].cpu - found["bare"].cpu) * 1000
    note = _NOTE.format(trials=given.trials, bare=milliseconds(found["bare"].wall), start=milliseconds(started))
    aims = (Aim("processor time of a trial beside its function", cost, _LIMIT_MS, " ms"),)
    return Report("tuning", rows, aims, (note, _split(bench)))


def _each(work: Callable[[], object], trials: int) -> Callable[[], Cost]:
    """Measure many, give what one took."""

    def measured() -> Cost:
        cost = function(work)
        return Cost(cost.wall / trials, cost.cpu / trials)

    return measured


def _prepared(folder: Path, trials: int) -> _Bench:
    """Copy the project, run what all trials share, and make its objective."""
    from mlops.plan import Selection
    from mlops.project import Project
    from mlops.runner import Bench, execute
    from mlops.searching import Hunt
    from mlops.searching.trying import Objective
    from mlops.tracking import Followers
    from mlops.workspace import Workspace

    shutil.copytree(_TOY, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    work = Workspace(Project(folder))
    recipe = work.recipe(["recipe=hill"])
    assert recipe.search is not None  # noqa: S101 - it has one
    hunt = Hunt(work, recipe, recipe.search)
    plan = work.plan(recipe, Selection(end="ground"))
    bench = Bench(work.project, recipe, work.store, "none", {None: recipe.executor}, Followers(()))  # type: ignore[dict-item] # an executor
    report = execute(plan, bench)
    objective = Objective(
        work.project, recipe.overrides, hunt.scope.tried, tuple(report.steps), "climb", None, False, "", "measured"
    )
    return _Bench(objective, folder, trials)


def _split(bench: _Bench) -> str:
    """Time the parts of a trial, one after another."""
    from mlops.plan.ingredients import Measurer
    from mlops.plan.wiring import wire
    from mlops.record import RunFacts, RunRecord
    from mlops.searching.trying import _opened

    objective = bench.objective
    found: dict[str, float] = {}
    opened = _opened(objective.project, objective.overrides, objective.parent)
    with _timed(found, "composing and validating the recipe"):
        recipe = opened.recipe(bench.fresh())
    with _timed(found, "wiring, and measuring what the stage's key is made of"):
        wire(recipe)
        measurer = Measurer(objective.project, recipe)
        for section in recipe.sections:
            if section.name in objective.tried:
                measurer.measure(section)
    with (
        _timed(found, "a run's record, from its opening to its end"),
        RunRecord.open(objective.project.state / "runs", RunFacts("hill", recipe.document)) as record,
    ):
        record.finish("done")
    with _timed(found, "the stage itself"):
        bench.bare()
    with _timed(found, "a whole trial"):
        bench.trial()
    lines = (f"  {name:<58}{milliseconds(seconds):>9}" for name, seconds in found.items())
    return "Where the time of a trial goes (its rest: locks, the store's commit, events):\n" + "\n".join(lines)


@contextmanager
def _timed(found: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    found[name] = time.perf_counter() - began


if __name__ == "__main__":
    main()
