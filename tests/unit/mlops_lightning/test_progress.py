from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from mlops_lightning import progress
from mlops_lightning.job import Report
from mlops_lightning.loaders import Steps
from mlops_lightning.progress import Progress
from mlops_lightning.state import State


class Heard:
    """A report that keeps what it is told."""

    log = logging.getLogger("heard")

    def __init__(self) -> None:
        self.said: list[tuple[float, float, str]] = []

    def progress(self, done: float, total: float, note: str = "") -> None:
        self.said.append((done, total, note))

    def metric(self, name: str, value: float, *, step: int | None = None) -> None:
        raise NotImplementedError


def run(report: Report) -> Any:
    """Give what of a fit its progress is told by."""
    return SimpleNamespace(options=SimpleNamespace(epochs=4), steps=Steps(100, 10), report=report, lr=lambda: 0.0125)


def test_it_tells_steps_epoch_loss_speed_and_learning_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    heard = Heard()
    state = State(epoch=1, step=5, loss_sum=30.0, loss_rows=60, rows=150)
    state.curves.validation_loss.append(0.25)
    Progress(run(heard)).show(state)
    ((done, total, note),) = heard.said
    assert (done, total) == (15, 40)
    assert note.startswith("steps, epoch 2 of 4, 50 %, loss 0.5, validation 0.25, ")
    assert note.endswith("rows/s, lr 0.013")


def test_it_is_silent_when_it_has_told_just_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_EVERY", 3600.0)
    heard = Heard()
    told = Progress(run(heard))
    told.show(State())
    assert heard.said == []
