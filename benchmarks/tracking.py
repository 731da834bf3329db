"""What tracking costs a run, and where the time goes: beside no tracker, and beside MLflow called in the run itself.

A run of one stage that records metrics over steps is carried out from nothing, with and without a
tracker; a script does the same work and calls MLflow's own logging functions. Then each thing that
the follower does is timed by itself.

python benchmarks/tracking.py
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measuring import Cost, command, interleaved, program
from benchmarks.projects import temporary
from benchmarks.reporting import Aim, Report, Row, asked, milliseconds, present

_STAGE = '''"""A stage that records metrics over steps."""

import time

from mlops.formats import Roles, Table
from mlops.stage import Context, Stage


class Measure(Stage):
    """Record a loss at each step."""

    steps: int
    """How many."""

    seconds: float
    """How long it takes beside."""

    def run(self, *, context: Context) -> Table:
        import polars as pl

        for step in range(self.steps):
            context.metric("loss", 1 / (step + 1), step=step)
        time.sleep(self.seconds)
        return Table.create(context.output("table"), pl.DataFrame({"x": [1]}), roles=Roles())
'''

_BY_HAND = """import os, sys, time
os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet")
import mlflow
mlflow.set_tracking_uri("sqlite:///by-hand.db")
with mlflow.start_run():
    mlflow.log_params({f"key{index}": index for index in range(20)})
    for step in range(int(sys.argv[1])):
        mlflow.log_metric("measure.loss", 1 / (step + 1), step=step)
    time.sleep(float(sys.argv[2]))
"""

_LIMIT_MS = 100
"""Most that a tracker may hold up a run that does not wait for it."""


_NOTE = (
    "{steps} metrics, a stage that works {seconds:g} s beside. The follower works meanwhile, in a process of its own "
    "with low priority;\nwhat a run waits at its end is what is left of that. Its processor time is not the run's: see "
    "below."
)


def main() -> None:
    """Measure and print."""
    given = asked(__doc__, repeats=5, more=_arguments)
    with temporary() as folder:
        present(_measured(folder, given), as_json=given.json)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=int, default=200, help="metrics that the run records (default 200)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long its stage works beside (default 3)")


def _measured(folder: Path, given: argparse.Namespace) -> Report:
    _project(folder, given)
    words = [program("mlops"), "run", "recipe=measure"]
    on = {"MLOPS_NO_TRACKING": "0"}

    def run(*more: str) -> Callable[[], Cost]:
        return lambda: _from_nothing(folder, [*words, *more], on)

    def by_hand() -> Cost:
        return command(
            [sys.executable, str(folder / "by_hand.py"), str(given.steps), str(given.seconds)], folder=folder
        )

    cases = {
        "none": run("tracker=none"),
        "away": run("tracker.patience=0"),
        "waits": run("tracker.patience=60"),
        "by hand": by_hand,
    }
    interleaved(cases, repeats=1)  # makes the databases, compiles what is not compiled yet
    found = interleaved(cases, repeats=given.repeats)
    _quiet(folder)
    parts = _parts(folder)
    rows = (
        Row("a run that does not wait (patience 0)", found["away"], "no tracker", found["none"]),
        Row("a run that waits to the end", found["waits"], "no tracker", found["none"]),
        Row("a run that waits to the end", found["waits"], "MLflow in the run", found["by hand"]),
    )
    held_up = (found["away"].wall - found["none"].wall) * 1000
    return Report(
        "tracking",
        rows,
        (Aim("what a run that does not wait is held up", held_up, _LIMIT_MS, " ms"),),
        (_NOTE.format(steps=given.steps, seconds=given.seconds), _table(parts)),
    )


def _table(parts: dict[str, Cost]) -> str:
    lines = (f"  {name:<44}{milliseconds(cost.wall):>9}{milliseconds(cost.cpu):>9}" for name, cost in parts.items())
    return "Where the follower's time goes (and its processor time):\n" + "\n".join(lines)


def _project(folder: Path, given: argparse.Namespace) -> None:
    for name in ("plugins", "recipes"):
        (folder / name).mkdir()
    (folder / "plugins" / "measuring.py").write_text(_STAGE)
    (folder / "by_hand.py").write_text(_BY_HAND)
    section = f"measure:\n  _target_: measuring.Measure\n  steps: {given.steps}\n  seconds: {given.seconds}\n"
    (folder / "recipes" / "measure.yaml").write_text(
        f"# Measured.\ndefaults: [{{tracker: mlflow}}]\nstages: [measure]\n{section}"
    )


def _from_nothing(folder: Path, words: list[str], env: dict[str, str]) -> Cost:
    """Run with nothing to reuse and no follower at work; the database stays."""
    _quiet(folder)
    for name in ("store", "cache", "runs"):
        shutil.rmtree(folder / ".mlops" / name, ignore_errors=True)
    return command(words, folder=folder, env=env)


def _quiet(folder: Path) -> None:
    """End a follower that is still there."""
    from mlops.project import Project
    from mlops.tracked.follower import is_followed

    lock = folder / ".mlops" / "tracking" / "follower.lock"
    if is_followed(Project(folder)) and (text := lock.read_text().strip()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(text), signal.SIGKILL)
    while is_followed(Project(folder)):
        time.sleep(0.01)


def _parts(folder: Path) -> dict[str, Cost]:
    """Time what the follower does, one thing after another, in this process."""
    from mlops_mlflow.database import prepared, silence

    silence()
    found: dict[str, Cost] = {}
    with _timed(found, "importing MLflow"):
        from mlops_mlflow.tracking_send import send
    from mlops.services.tracker import Batch, Measurement, TrackedRun
    from mlops.stage import Place

    place = Place(folder, folder / "state", "flights")
    with _timed(found, "making the database, once a project"):
        prepared(place.state)
    (folder / "report.html").write_text("x" * 50_000)
    run = TrackedRun("20260102-030405-678-abcd", "flights", folder, started=1, parameters={"a": "1"})

    def sent(name: str, batch: Batch, of: TrackedRun = run) -> None:
        with _timed(found, name):
            send(of, batch, uri=None, experiment="flights", place=place)

    def metrics(count: int, at: int) -> tuple[Measurement, ...]:
        return tuple(Measurement("train.loss", 1.0, step, at) for step in range(count))

    sent("first use of its store", Batch(first=True))
    many = {f"key{index}": str(index) for index in range(100)}
    later = TrackedRun("20260102-030405-679-abcd", "flights", folder, started=1, parameters=many)
    sent("a run's first batch, 100 parameters", Batch(first=True), later)
    sent("a batch of 1 metric", Batch(metrics(1, 1)))
    sent("a batch of 100 metrics", Batch(metrics(100, 2)))
    sent("a batch of 1,000 metrics", Batch(metrics(1000, 3)))
    sent("the same 1,000 again", Batch(metrics(1000, 3)))
    sent("the end, with a page of 50 kB", Batch(status="done", ended=9, artifacts={"r.html": folder / "report.html"}))
    found["a second of following a run that is silent"] = _idle(folder)
    return found


@contextlib.contextmanager
def _timed(found: dict[str, Cost], name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    found[name] = Cost(time.perf_counter() - wall, time.process_time() - cpu)


def _idle(folder: Path) -> Cost:
    """A second of following a run that goes on and records nothing."""
    from mlops.durable import locked
    from mlops.project import Project
    from mlops.tracked.follower import Follower

    run = next((folder / ".mlops" / "runs").iterdir())
    with locked(run / "lock"):
        follower = Follower(Project(folder))
        follower.round()
        wall, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() - wall < 1:
            follower.round()
        return Cost(time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main()
