from __future__ import annotations

import torch

from mlops_lightning.checkpoint_codec import decode, encode
from mlops_lightning.state import Best, Curves, State


def test_a_state_comes_back_from_a_checkpoint_as_it_was() -> None:
    state = State(epoch=3, step=7, waited=2, damping=0.1, stopped=True, seconds=1.5)
    state.curves = Curves(train_loss=[0.5, 0.25, 0.125], lr=[0.1, 0.1, 0.05])
    state.best = Best(0.25, 2, {"weight": torch.tensor([1.0, float("-inf")])})
    found = State()
    found.restore(decode(encode(state.to_tree())))
    weights, others = state.best.weights.pop("weight"), found.best.weights.pop("weight")
    assert torch.equal(weights, others)
    assert found == state


def test_a_fit_that_has_not_begun_has_no_best_epoch() -> None:
    found = State(epoch=9)
    found.restore(decode(encode(State().to_tree())))
    assert found == State()


def test_curves_without_a_value_are_left_out() -> None:
    assert Curves(train_loss=[1.0]).known() == {"train_loss": [1.0]}
