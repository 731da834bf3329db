"""What the engine adds to each stage that it runs: key, lock, commit, record.

A chain of trivial stages is run from nothing, and the same stage objects are called by a plain
loop; the difference, per stage, is the engine's. The command line is measured by what a longer
chain takes more than a shorter one, DVC alike.

python benchmarks/overhead.py
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Cost, Samples, command, function, interleaved, program
from benchmarks.projects import chain, dvc_environment, dvc_project, temporary, toy_project
from benchmarks.reporting import Aim, Report, Row, asked, milliseconds, present

if TYPE_CHECKING:
    from mlops.formats.artifact import Artifact
    from mlops.recipe import Recipe

_FEW = 5
_LIMIT_MS = 15
_SYNCS = 10
"""About as many times as a commit, its entry and its event sync a file or folder."""


@dataclass(frozen=True)
class _Bench:
    """A folder with a project of ours and two of DVC's."""

    folder: Path
    stages: int
    env: dict[str, str]

    @property
    def ours(self) -> Path:
        return self.folder / "ours"

    def run(self, recipe: str) -> Cost:
        """Run a chain from nothing on the command line."""
        shutil.rmtree(self.ours / ".mlops", ignore_errors=True)
        return command([program("mlops"), "run", f"recipe={recipe}"], folder=self.ours)

    def repro(self, name: str) -> Cost:
        """Run a DVC pipeline from nothing."""
        project = self.folder / name
        for made in (*project.glob("s*.txt"), project / "dvc.lock"):
            made.unlink(missing_ok=True)
        for cache in (project / ".dvc" / "cache", project / ".dvc" / "tmp"):
            shutil.rmtree(cache, ignore_errors=True)
        return command([program("dvc"), "repro"], folder=project, env=self.env)


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=7, more=_arguments)
    with temporary() as folder:
        present(_measured(folder, given), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stages", type=int, default=40, help="length of the longer chain (default 40)")


def _measured(folder: Path, given: argparse.Namespace) -> Report:
    env = dvc_environment(folder / "home")
    bench = _Bench(folder, given.stages, env)
    bench.ours.mkdir()
    toy_project(bench.ours, {"few": chain(_FEW), "many": chain(given.stages)})
    dvc_project(folder / "dvc-few", _FEW, env=env)
    dvc_project(folder / "dvc-many", given.stages, env=env)
    inside = _inside(bench, repeats=given.repeats)
    bench.run("few")  # compiles what is not compiled yet
    outside = interleaved(
        {
            "few": lambda: bench.run("few"),
            "many": lambda: bench.run("many"),
            "dvc-few": lambda: bench.repro("dvc-few"),
            "dvc-many": lambda: bench.repro("dvc-many"),
        },
        repeats=given.repeats,
    )
    return _report(bench, inside, outside)


def _report(bench: _Bench, inside: dict[str, Samples], outside: dict[str, Samples]) -> Report:
    many = bench.stages
    rows = (
        Row(f"{many} stages in a process", inside["run"], "plain loop", inside["loop"]),
        Row(f"{_FEW} stages, mlops run", outside["few"], "dvc repro", outside["dvc-few"]),
        Row(f"{many} stages, mlops run", outside["many"], "dvc repro", outside["dvc-many"]),
    )
    body = inside["loop"].wall / many
    added = inside["run"].wall / many - body
    growth = (outside["many"].wall - outside["few"].wall) / (many - _FEW)
    theirs = (outside["dvc-many"].wall - outside["dvc-few"].wall) / (many - _FEW)
    aims = (
        Aim("engine per stage, in a process", added * 1000, _LIMIT_MS, " ms"),
        Aim("engine per stage, command line", (growth - body) * 1000, _LIMIT_MS, " ms"),
    )
    cpu = (inside["run"].cpu - inside["loop"].cpu) / many
    note = (
        f"Per stage: the stage's own work {milliseconds(body)}, {_SYNCS} small writes synced to this disk "
        f"{milliseconds(inside['disk'].wall / many)}, the engine's processor time {milliseconds(cpu)}.\n"
        f"In a process, planning and the end of the run included, {milliseconds(body + added)}; one stage more on the "
        f"command line {milliseconds(growth)}; one more `cp` in DVC {milliseconds(theirs)}."
    )
    return Report("overhead", rows, aims, (note,))


def _inside(bench: _Bench, *, repeats: int) -> dict[str, Samples]:
    """The whole run and the plain loop in this process, imports done."""
    from mlops.execution import execute_recipe
    from mlops.plan import Selection
    from mlops.project import Project
    from mlops.workspace import Workspace

    words = ["recipe=many"]
    recipe = Workspace(Project(bench.ours)).recipe(words)

    def run() -> Cost:
        shutil.rmtree(bench.ours / ".mlops", ignore_errors=True)
        with contextlib.redirect_stdout(io.StringIO()):
            return function(lambda: execute_recipe(Workspace(Project(bench.ours)), words, Selection()))

    cases: dict[str, Callable[[], Cost]] = {
        "run": run,
        "loop": lambda: _loop(recipe, bench.folder / "loop"),
        "disk": lambda: _disk(bench.stages, bench.folder / "disk"),
    }
    interleaved(cases, repeats=1)
    return interleaved(cases, repeats=repeats)


def _loop(recipe: Recipe, folder: Path) -> Cost:
    """Call each stage with what the one before gave back."""
    from mlops.stage import Context

    folder.mkdir()
    log = logging.getLogger("benchmark")

    def work() -> None:
        given: dict[str, Artifact] = {}
        for section in recipe.sections:
            place = folder / section.name
            given = {"table": section.stage.run(**given, context=Context(folder=place, log=log))}

    cost = function(work)
    shutil.rmtree(folder)
    return cost


def _disk(stages: int, folder: Path) -> Cost:
    """Write and sync small files, to tell what the disk takes right now."""
    folder.mkdir()

    def work() -> None:
        for index in range(stages * _SYNCS):
            with (folder / str(index)).open("wb") as file:
                file.write(b"x" * 1000)
                file.flush()
                os.fsync(file.fileno())

    cost = function(work)
    shutil.rmtree(folder)
    return cost


if __name__ == "__main__":
    main()
