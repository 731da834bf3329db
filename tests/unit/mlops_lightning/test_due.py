from __future__ import annotations

import time

import pytest

from mlops_lightning.due import Due
from mlops_lightning.options import CheckpointRule
from mlops_lightning.state import State


def test_a_checkpoint_is_due_after_so_many_steps_since_the_last() -> None:
    due = Due(CheckpointRule(every_steps=10, every_minutes=0))
    assert [due.now(State(steps=steps), epoch=False) for steps in (9, 10)] == [False, True]
    due.saved(State(steps=10))
    assert [due.now(State(steps=steps), epoch=False) for steps in (19, 20)] == [False, True]


def test_a_checkpoint_is_due_after_so_many_epochs_when_one_has_ended() -> None:
    due = Due(CheckpointRule(every_epochs=2, every_minutes=0))
    assert [due.now(State(epoch=epoch), epoch=True) for epoch in (1, 2)] == [False, True]
    assert not due.now(State(epoch=2), epoch=False)


def test_a_checkpoint_is_due_after_so_many_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    due = Due(CheckpointRule(every_minutes=2))
    clock[0] += 119
    assert not due.now(State(), epoch=False)
    clock[0] += 1
    assert due.now(State(), epoch=False)
    due.saved(State())
    assert not due.now(State(), epoch=False)


def test_where_nothing_is_asked_for_none_is_due() -> None:
    assert not Due(CheckpointRule(every_minutes=0)).now(State(steps=10**6, epoch=99), epoch=True)
