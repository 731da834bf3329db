"""What planning costs as recipes grow: each stage the same toy, on the command line and inside a process.

python benchmarks/planning.py
python benchmarks/planning.py --sizes 10,100,1000
"""

from __future__ import annotations

import argparse
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Cost, Samples, command, function, interleaved, program
from benchmarks.projects import chain, fan, temporary, toy_project
from benchmarks.reporting import Aim, Report, Row, aligned, asked, milliseconds, present

_SIZES = (10, 30, 100, 300, 600)
_LIMIT_AT = 300
_LARGEST = 2
"""The slope is taken over so many of the largest sizes, where fixed costs hide it least."""

_Inside = dict[str, dict[int, Samples]]


@dataclass(frozen=True)
class _Bench:
    """A project with one recipe a size, and how often to measure."""

    project: Path
    sizes: tuple[int, ...]
    repeats: int

    @property
    def state(self) -> Path:
        return self.project / ".mlops"

    def words(self, verb: str, name: str) -> list[str]:
        return [program("mlops"), verb, f"recipe={name}"]

    def planned(self, name: str, *, fresh: bool = False) -> Cost:
        """Plan on the command line; as the first command ever in a project, when ``fresh``."""
        if fresh:
            shutil.rmtree(self.state, ignore_errors=True)
        return command(self.words("plan", name), folder=self.project)


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=3, more=_arguments)
    with temporary() as folder:
        recipes = {f"chain{size}": chain(size) for size in given.sizes} | {
            f"fan{size}": fan(size) for size in given.sizes
        }
        bench = _Bench(toy_project(folder, recipes), given.sizes, given.repeats)
        present(_measured(bench), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    def sizes(text: str) -> tuple[int, ...]:
        return tuple(sorted(int(word) for word in text.split(",")))

    parser.add_argument("--sizes", type=sizes, default=_SIZES, help="stages of each recipe, such as 10,100,300")


def _measured(bench: _Bench) -> Report:
    bench.planned(f"chain{bench.sizes[0]}")  # compiles what is not compiled yet
    first = {size: _on_command_line(bench, size) for size in bench.sizes}
    inside = {"first": _inside(bench, "chain"), "fan, first": _inside(bench, "fan")}
    largest = f"chain{bench.sizes[-1]}"
    command(bench.words("run", largest), folder=bench.project)
    reused = {size: _reused(bench, size) for size in bench.sizes}
    inside["reused"] = _inside(bench, "chain")
    rows = [
        row for size in bench.sizes for row in (*first[size], Row(f"plan, {size} stages, all reused", reused[size]))
    ]
    return Report("planning", tuple(rows), _aims(bench, rows, inside), (_table(bench, inside),))


def _on_command_line(bench: _Bench, size: int) -> tuple[Row, Row]:
    name = f"chain{size}"
    found = interleaved(
        {
            "cold": lambda: bench.planned(name, fresh=True),
            "warm": lambda: bench.planned(name),
        },
        repeats=bench.repeats,
    )
    return (
        Row(f"plan, {size} stages, first command", found["cold"]),
        Row(f"plan, {size} stages, nothing made", found["warm"]),
    )


def _reused(bench: _Bench, size: int) -> Samples:
    name = f"chain{size}"
    command(bench.words("run", name), folder=bench.project)  # shorter chains are beginnings of the longest
    return interleaved({"": lambda: bench.planned(name)}, repeats=bench.repeats)[""]


def _inside(bench: _Bench, shape: str) -> dict[int, Samples]:
    """Compose, validate and plan in this process, from opened project to finished plan."""
    from mlops.project import Project
    from mlops.workspace import Workspace

    def planner(size: int) -> Callable[[], Cost]:
        def plan() -> None:
            work = Workspace(Project(bench.project))
            work.plan(work.recipe([f"recipe={shape}{size}"]))

        def measured() -> Cost:
            plan()  # memory that a larger recipe needs for the first time is the system's affair
            return function(plan)

        return measured

    cases = {str(size): planner(size) for size in bench.sizes}
    return {int(name): found for name, found in interleaved(cases, repeats=bench.repeats).items()}


def _table(bench: _Bench, inside: _Inside) -> str:
    """Seconds in the process, per recipe and per stage."""
    lines = [("in one process", *(f"{size} stages" for size in bench.sizes), "slope")]
    for name, found in inside.items():
        lines.append((name, *(milliseconds(found[size].wall) for size in bench.sizes), f"{_slope(found):.2f}"))
        lines.append(("  per stage", *(milliseconds(found[size].wall / size) for size in bench.sizes), ""))
    return aligned(lines)


def _slope(found: dict[int, Samples]) -> float:
    """Slope of log processor time over log size by least squares; 1 is linear, 2 quadratic."""
    sizes = sorted(found)[-_LARGEST:]
    xs, ys = [math.log(size) for size in sizes], [math.log(found[size].cpu) for size in sizes]
    return _covariance(xs, ys) / _covariance(xs, xs) if len(sizes) > 1 else math.nan


def _covariance(left: Sequence[float], right: Sequence[float]) -> float:
    middle, other = sum(left) / len(left), sum(right) / len(right)
    return sum((a - middle) * (b - other) for a, b in zip(left, right, strict=True))


def _aims(bench: _Bench, rows: Sequence[Row], inside: _Inside) -> tuple[Aim, ...]:
    slopes = tuple(Aim(f"log-log slope, {name}", _slope(found), 1.1) for name, found in inside.items())
    if _LIMIT_AT not in bench.sizes:
        return slopes
    times = [row.ours.wall for row in rows if f" {_LIMIT_AT} stages" in row.name]
    return (Aim(f"mlops plan of {_LIMIT_AT} stages, slowest", max(times), 2, " s"), *slopes)


if __name__ == "__main__":
    main()
