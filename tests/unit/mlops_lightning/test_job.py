from __future__ import annotations

from pathlib import Path

from mlops_lightning.job import Job


def test_a_job_comes_back_as_it_was_written(tmp_path: Path) -> None:
    job = Job(
        prepared="/there",
        estimator="mlops_lightning.mlp.MLP",
        parameters={"hidden": [8], "lr": 0.1},
        seed=2**70,
        cpus=2,
        output="/out",
        resume=None,
        hardware={"devices": 2, "data": "memory"},
    )
    job.write(tmp_path / "job.json")
    assert Job.read(tmp_path / "job.json") == job
