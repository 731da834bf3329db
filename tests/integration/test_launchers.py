"""Sweeps through a launcher that runs its jobs in processes of its own."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from tests.toy_project import Ended, Toy

JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


def test_a_parallel_launcher_gives_what_every_job_returned(toy: Toy) -> None:
    answer = toy("run", "-m", "recipe=chain", "again.factor=1,2,3", *JOBLIB, "--json")
    assert answer.code == 0, answer.err
    assert [job["status"] for job in answer.last["jobs"]] == ["done"] * 3
    assert sorted(job["metrics"]["again.sum"] for job in answer.last["jobs"]) == [20.0, 40.0, 60.0]


def test_a_failed_job_in_another_process_fails_the_sweep(toy: Toy) -> None:
    answer = toy("run", "-m", "recipe=chain", "check.refuse=true,false", *JOBLIB, "--json")
    assert answer.code == 1
    assert sorted(job["status"] for job in answer.last["jobs"]) == ["done", "failed"]


def test_a_job_in_another_process_that_cannot_begin_is_named(toy: Toy) -> None:
    answer = toy("run", "-m", "recipe=chain", "scale.factor=2,many", *JOBLIB)
    assert answer.code == 2
    assert "1 of 2 jobs could not begin" in answer.err
    assert "scale.factor: must be a number, not 'many'" in answer.err


_AGAIN = re.compile(r'"stage-started".*"stage": ?"again"')
PARALLEL = ("hydra/launcher=parallel", "hydra.launcher.jobs=2")


def test_jobs_in_processes_of_our_own_give_what_they_returned_in_their_order(toy: Toy) -> None:
    answer = toy("run", "-m", "recipe=chain", "again.factor=3,1,2", *PARALLEL, "--json")
    assert answer.code == 0, answer.err
    assert [job["metrics"]["again.sum"] for job in answer.last["jobs"]] == [60.0, 20.0, 40.0]


def test_what_a_job_prints_stays_in_one_piece(toy: Toy) -> None:
    answer = toy("run", "-m", "recipe=chain", "again.factor=1,2", *PARALLEL)
    assert answer.code == 0, answer.err
    first, second = answer.out.split("recipe chain\n")[1:]
    assert first.count("done:") == second.count("done:") == 1
    assert "2 of 2 jobs done" in answer.out


def test_every_job_that_fails_or_cannot_begin_is_told(toy: Toy) -> None:
    answer = toy("run", "-m", "recipe=chain", "scale.factor=2,many,none", "check.refuse=true", *PARALLEL)
    assert answer.code == 2
    assert "2 of 3 jobs could not begin" in answer.err
    assert "the table was refused" in answer.err


def test_a_failed_job_of_ours_fails_the_sweep(toy: Toy) -> None:
    answer = toy("run", "-m", "recipe=chain", "check.refuse=true,false", *PARALLEL, "--json")
    assert answer.code == 1
    assert [job["status"] for job in answer.last["jobs"]] == ["failed", "done"]


def test_a_job_whose_process_dies_is_named(toy: Toy) -> None:
    (toy.root / "plugins" / "deadly.py").write_text(DEADLY)
    (toy.root / "recipes" / "deadly.yaml").write_text(
        "# Dies. Try: mlops run recipe=deadly\nstages: [die]\ndie: {_target_: deadly.Die}\n"
    )
    answer = toy("run", "-m", "recipe=deadly", "die.now=true,false", *PARALLEL)
    assert answer.code == 1
    assert "1 of 2 jobs ended before they were done" in answer.err
    assert "its process ended with code 9" in answer.err
    assert "done: 1 run" in answer.out


def test_jobs_share_the_cores(toy: Toy) -> None:
    (toy.root / "plugins" / "deadly.py").write_text(DEADLY)
    (toy.root / "recipes" / "deadly.yaml").write_text(
        "# Counts. Try: mlops run recipe=deadly\nstages: [die]\ndie: {_target_: deadly.Die, now: false}\n"
    )
    answer = toy("run", "-m", "recipe=deadly", "seed=1,2", *PARALLEL, "--json")
    every = len(os.sched_getaffinity(0))
    assert [job["metrics"]["die.cpus"] for job in answer.last["jobs"]] == [max(1, every // 2)] * 2


def test_an_interrupted_sweep_ends_its_jobs_and_goes_on_later(toy: Toy, ended: Ended) -> None:
    words = ("run", "-m", "recipe=chain", "seed=1,2,3", "again.seconds=60", *PARALLEL)
    process = toy.start(*words)
    ended(process)
    deadline = time.monotonic() + 60
    while len(begun(toy)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert out.count("again: interrupted") == 2
    statuses = [run["status"] for run in toy("runs", "--json").last]
    assert statuses == ["interrupted", "interrupted"]
    plan = toy.plan("recipe=chain", "seed=1", "again.seconds=60")
    assert plan["check"]["action"] == "reuse"


def begun(toy: Toy) -> list[Path]:
    """Runs in which the last stage is at work."""
    paths = (toy.root / ".mlops" / "runs").glob("*/events.jsonl")
    return [path for path in paths if _AGAIN.search(path.read_text())]


DEADLY = """
from __future__ import annotations

import os

from mlops.formats import Roles, Table
from mlops.stage import Context, Stage


class Die(Stage):
    now: bool = False

    def run(self, *, context: Context) -> Table:
        import polars as pl

        if self.now:
            os._exit(9)
        context.metric("cpus", context.cpus)
        return Table.create(context.output("table"), pl.DataFrame({"x": [1]}), roles=Roles())
"""
