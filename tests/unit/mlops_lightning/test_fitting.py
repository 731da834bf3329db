from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from mlops.errors import StageError
from mlops.formats.features import Prepared
from mlops.formats.splits import PARTS, PartName
from mlops.stage import Context
from mlops.testing import make_context
from mlops.testing.estimator import EstimatorContract
from mlops.testing.prepared import make_prepared
from mlops_lightning.mlp import MLP


def small(**fields: Any) -> MLP:
    return MLP.model_validate({"hidden": (8,), "epochs": 3, "batch_size": 32, "lr": 0.01, **fields})


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return make_prepared(tmp_path_factory.mktemp("made") / "prepared", "binary", rows=200)


@pytest.fixture
def contexts(tmp_path: Path) -> Iterator[Context]:
    return (make_context(tmp_path / f"work-{number}") for number in range(9))


def weights(model: MLP, prepared: Prepared, context: Context) -> dict[str, torch.Tensor]:
    model.fit(prepared, context=context)
    from mlops_lightning.native import read_native

    return dict(read_native(context.folder / "fit").weights)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


class TestContract(EstimatorContract):
    def estimator(self, task: Any) -> MLP:
        return small(epochs=25, lr=0.02)


def test_each_epoch_leaves_one_value_on_each_curve(prepared: Prepared, contexts: Iterator[Context]) -> None:
    curves = small().fit(prepared, context=next(contexts)).history()
    assert {name: len(curve) for name, curve in curves.items()} == {
        "train_loss": 3,
        "validation_loss": 3,
        "lr": 3,
        "gradient_norm": 3,
    }


def test_training_stops_when_validation_no_longer_improves(prepared: Prepared, contexts: Iterator[Context]) -> None:
    fitted = small(lr=3.0, schedule="constant", patience=2, epochs=60).fit(prepared, context=next(contexts))
    curve = list(fitted.history()["validation_loss"])
    assert len(curve) < 60
    assert len(curve) - 1 - int(np.argmin(curve)) == 2


def test_the_best_epoch_is_the_one_that_predicts(prepared: Prepared, contexts: Iterator[Context]) -> None:
    fitted = small(lr=3.0, schedule="constant", patience=0, epochs=12).fit(prepared, context=next(contexts))
    chosen = fitted.predict(prepared.matrix("validation"))[np.arange(100), prepared.target("validation")]
    assert -np.log(chosen).mean() == pytest.approx(min(fitted.history()["validation_loss"]), rel=1e-5)


@pytest.mark.parametrize("fields", [{"average": "ema"}, {"average": "swa", "average_from": 0.3}, {"clip": 0.01}])
def test_an_option_changes_what_is_learnt(prepared: Prepared, contexts: Iterator[Context], fields: Any) -> None:
    assert not same(weights(small(), prepared, next(contexts)), weights(small(**fields), prepared, next(contexts)))


@pytest.mark.parametrize("optimizer", ["adam", "nadam", "radam", "rmsprop", "sgd"])
def test_every_optimizer_trains(prepared: Prepared, contexts: Iterator[Context], optimizer: str) -> None:
    curve = small(optimizer=optimizer).fit(prepared, context=next(contexts)).history()["train_loss"]
    assert curve[-1] < curve[0]


def test_added_up_gradients_are_those_of_the_whole_step(prepared: Prepared, contexts: Iterator[Context]) -> None:
    whole = weights(small(dropout=0.0), prepared, next(contexts))
    parts = weights(small(dropout=0.0, hardware={"accumulate": 3}), prepared, next(contexts))
    assert all(torch.allclose(whole[name], parts[name], atol=1e-4) for name in whole)


def test_rows_that_stream_are_learnt_from_as_rows_in_memory_are(
    prepared: Prepared, contexts: Iterator[Context]
) -> None:
    streamed = small(epochs=20, hardware={"data": "stream"}).fit(prepared, context=next(contexts))
    held = small(epochs=20).fit(prepared, context=next(contexts))
    assert streamed.history()["validation_loss"][-1] == pytest.approx(held.history()["validation_loss"][-1], rel=0.3)


def test_strict_fits_do_not_depend_on_threads(prepared: Prepared, tmp_path: Path) -> None:
    model = small(determinism="strict")
    one, two = (make_context(tmp_path / str(cpus), cpus=cpus) for cpus in (1, 2))
    assert same(weights(model, prepared, one), weights(model, prepared, two))


def test_a_fit_leaves_torch_as_it_was(prepared: Prepared, contexts: Iterator[Context]) -> None:
    torch.manual_seed(1)
    before = (torch.get_rng_state(), random.getstate(), torch.get_num_threads(), signal.getsignal(signal.SIGTERM))
    small(determinism="strict").fit(prepared, context=next(contexts))
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (random.getstate(), torch.get_num_threads(), signal.getsignal(signal.SIGTERM))
    assert not torch.are_deterministic_algorithms_enabled()


class Signalling(MLP):
    """Asks its own process to end when it has been called some times."""

    def network(self, facts: Any, statistics: Any) -> Any:
        made: Any = super().network(facts, statistics)
        made.calls = 0
        made.register_forward_pre_hook(_signal_once)
        return made


def _signal_once(module: Any, inputs: Any) -> None:
    module.calls += 1
    if str(module.calls) == os.environ.get("SIGNAL_AT"):
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_ends_the_fit_with_a_checkpoint_from_which_it_goes_on(
    prepared: Prepared, contexts: Iterator[Context], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    model = Signalling.model_validate(small(average="ema").model_dump())
    alone = weights(model, prepared, next(contexts))

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    monkeypatch.setenv("SIGNAL_AT", "9")
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(prepared, context=replace(next(contexts), resume=tmp_path / "resume"))
        assert signal.getsignal(signal.SIGTERM) is interrupt
    finally:
        signal.signal(signal.SIGTERM, before)
    monkeypatch.delenv("SIGNAL_AT")
    with caplog.at_level("INFO"):
        assert same(alone, weights(model, prepared, replace(next(contexts), resume=tmp_path / "resume")))
    assert "goes on from the checkpoint of epoch 2" in caplog.text


def test_a_loss_that_is_no_number_stops_and_keeps_the_rows(prepared: Prepared, contexts: Iterator[Context]) -> None:
    context = next(contexts)
    with pytest.raises(StageError, match="training diverged") as caught:
        small(lr=1e30, optimizer="sgd", schedule="constant", warmup=0, epochs=20).fit(prepared, context=context)
    assert "lower lr" in caught.value.fix
    assert "epoch 1, step" in caught.value.where
    assert pl.read_parquet(context.folder / "diverged" / "features.parquet").height > 1


def test_classes_can_weigh_the_same(contexts: Iterator[Context], tmp_path: Path) -> None:
    whole = make_prepared(tmp_path / "whole", "binary", rows=400)
    parts: dict[PartName, Any] = {
        part: whole.read(part).filter((pl.col("__target__") == 0) | (pl.int_range(pl.len()) % 10 == 0))
        for part in PARTS
    }
    (tmp_path / "rare").mkdir()
    rare = Prepared.create(tmp_path / "rare", parts, facts=whole.facts)
    matrix = whole.matrix("test")
    plain, balanced = (
        small(class_weight=kind, epochs=10).fit(rare, context=next(contexts)).predict(matrix)[:, 1].mean()
        for kind in ("none", "balanced")
    )
    assert balanced > plain + 0.05
