"""Sweeps through a launcher that runs its jobs in processes of its own."""

from __future__ import annotations

from tests.toy_project import Toy

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
