from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mlops.errors import StageError
from mlops.stage import Context
from mlops_lightning.job import Job
from mlops_lightning.memory import MemoryShort, fit_within_memory, is_memory_short
from mlops_lightning.resolving import Resolved

ROWS = 64


class Narrow(nn.Module):
    """A layer whose allocator gives way above some rows."""

    def __init__(self, most: int, error: Callable[[], Exception]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 1)
        self.most = most
        self.error = error

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        if len(rows) > self.most:
            raise self.error()
        out: torch.Tensor = self.layer(rows)
        return out


def gpu() -> Exception:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nmore")


def cpu() -> Exception:
    return RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory")


def make_job(folder: Path, *, batch: int = ROWS, accumulate: int = 1) -> Job:
    (folder / "out").mkdir()
    hardware = Resolved("cpu", 1, "fp32", "single", batch, accumulate, 0, False, "memory")
    return Job("", "", {}, seed=0, cpus=1, output=str(folder / "out"), hardware=hardware.to_json())


def gradient(network: Narrow, job: Job) -> torch.Tensor:
    """Gradient of one step, passes added up."""
    hardware = Resolved.from_json(job.hardware)
    rows = torch.randn(ROWS, 3, generator=torch.Generator().manual_seed(1))
    network.zero_grad()
    for part in torch.split(rows, hardware.micro_batch):
        (network(part).square().mean() * len(part) / ROWS).backward()
    assert network.layer.weight.grad is not None
    return network.layer.weight.grad.clone()


@pytest.mark.parametrize("error", [gpu, cpu, MemoryError])
def test_rows_are_halved_until_they_fit_and_the_step_stays(
    tmp_path: Path, error: Callable[[], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    network, found = Narrow(10, error), []
    with caplog.at_level(logging.WARNING):
        job = fit_within_memory(
            make_job(tmp_path), lambda job: found.append(gradient(network, job)), report=Context(tmp_path)
        )
    hardware = Resolved.from_json(job.hardware)
    assert (hardware.batch_size, hardware.accumulate, hardware.micro_batch) == (ROWS, 8, 8)
    whole = gradient(Narrow(ROWS, error), replace(job, hardware=replace(hardware, accumulate=1).to_json()))
    assert torch.allclose(found[0], whole, atol=1e-6)
    assert len(caplog.records) == 3
    assert caplog.messages[-1].endswith("going on with 8 rows at a time, 8 times in each step of 64")


def test_one_row_at_a_time_is_the_end(tmp_path: Path) -> None:
    network, found = Narrow(0, gpu), []
    with pytest.raises(StageError, match="memory ran out with one row at a time: CUDA out of memory") as caught:
        fit_within_memory(
            make_job(tmp_path, batch=2), lambda job: found.append(gradient(network, job)), report=Context(tmp_path)
        )
    assert "hardware.data: stream" in caught.value.fix


def test_what_a_failed_try_wrote_is_gone_and_checkpoints_stay(tmp_path: Path) -> None:
    seen: list[list[str]] = []
    checkpoint = tmp_path / "resume"
    checkpoint.mkdir()

    def run(job: Job) -> None:
        seen.append(sorted(path.name for path in Path(job.output).iterdir()))
        (Path(job.output) / "weights").touch()
        (checkpoint / str(len(seen))).touch()
        if len(seen) < 3:
            raise gpu()

    fit_within_memory(make_job(tmp_path), run, report=Context(tmp_path))
    assert seen == [[], [], []]
    assert len(list(checkpoint.iterdir())) == 3


def test_other_errors_are_left_alone(tmp_path: Path) -> None:
    def run(job: Job) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        fit_within_memory(make_job(tmp_path), run, report=Context(tmp_path))


def test_an_error_is_known_by_what_it_was_raised_from() -> None:
    wrapped = StageError("the fit failed")
    wrapped.__cause__ = gpu()
    assert is_memory_short(wrapped)
    assert is_memory_short(MemoryShort("rank 1 said so"))
    assert not is_memory_short(StageError("the fit failed"))
