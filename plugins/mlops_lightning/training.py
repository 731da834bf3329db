"""Set up Lightning's Trainer for a fit, bare of everything that costs time, and run it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy, Strategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor

from mlops.errors import StageError
from mlops_lightning.callbacks import Pilot
from mlops_lightning.checkpoint_io import SafeIO
from mlops_lightning.checkpoints import Checkpoints
from mlops_lightning.loaders import Single
from mlops_lightning.module import ChunkModule, StepModule
from mlops_lightning.run import Run
from mlops_lightning.sharding import Sharded
from mlops_lightning.signals import StopRequest

__all__ = ["train"]


def train(run: Run, *, checkpoints: Checkpoints | None, stop: StopRequest) -> dict[str, Tensor]:
    """Train until the last epoch, or until there is nothing more to gain.

    Returns:
        The best epoch's weights, or without validation rows the last ones (averaged when asked).
    """
    start = checkpoints.load(warn=run.report.log.warning) if checkpoints else None
    pilot = Pilot(run, stop=stop, saves=checkpoints is not None)
    if not _is_over(run, start, pilot):
        _fit(run, pilot, checkpoints=checkpoints, start=start)
    if run.state.best.weights:
        return run.state.best.weights
    with run.averages.in_place():
        return pilot.weights()


def _is_over(run: Run, start: dict[str, Any] | None, pilot: Pilot) -> bool:
    """Say whether a checkpoint was written after the last epoch; then all there is to do is to load it."""
    if start is None:
        return False
    state = start["callbacks"][pilot.state_key]["state"]
    if state["epoch"] < run.options.epochs and not state["stopped"]:
        return False
    prefix = "" if _has_own_step(run) else "network."
    weights = {name.removeprefix(prefix): tensor for name, tensor in start["state_dict"].items()}
    run.network.load_state_dict(weights)
    pilot.load_state_dict(start["callbacks"][pilot.state_key])
    return True


def _fit(run: Run, pilot: Pilot, *, checkpoints: Checkpoints | None, start: dict[str, Any] | None) -> None:
    alone = run.hardware.devices == 1
    chunks = alone and not _has_own_step(run)
    module = _module(run, chunks=chunks)
    validates = is_overridden("validation_step", module) and run.validation is not None
    trainer = _trainer(run, [SafeIO(checkpoints, start)], pilot, chunks=chunks, validates=validates)
    if start is not None:
        run.report.log.info("goes on from the checkpoint of epoch %d", start["epoch"] + 1)
    try:
        trainer.fit(
            module,
            train_dataloaders=run.loader if chunks else Single(run.loader, run.passes),
            val_dataloaders=_Validation(run) if validates else None,
            ckpt_path=None if start is None else "start",
            weights_only=False,
        )
    finally:
        run.loader.close()


def _has_own_step(run: Run) -> bool:
    return isinstance(run.network, LightningModule) and is_overridden("training_step", run.network)


def _module(run: Run, *, chunks: bool) -> LightningModule:
    """Choose who trains: a user's own module itself, if it says how; else ours around the network."""
    if chunks:
        return ChunkModule(run)
    if not isinstance(run.network, LightningModule) or not _has_own_step(run):
        return StepModule(run)
    if not is_overridden("configure_optimizers", run.network):
        raise StageError(
            f"{type(run.network).__name__} has a training_step but no configure_optimizers",
            fix="add configure_optimizers, or drop training_step to train with the options of the recipe",
        )
    if run.hardware.strategy == "fsdp" and not is_overridden("configure_model", run.network):
        raise StageError(
            f"{type(run.network).__name__} has a training_step but no configure_model that spreads its weights",
            fix="set hardware.strategy: ddp, or add configure_model, or drop training_step",
        )
    return run.network


@dataclass(frozen=True)
class _Validation:
    """The validation rows for a user's own validation step."""

    run: Run

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        for batch in self.run.validation() if self.run.validation else ():
            yield tuple(item for item in batch if item is not None)


def _trainer(run: Run, plugins: list[Any], pilot: Pilot, *, chunks: bool, validates: bool) -> Trainer:
    alone = run.hardware.devices == 1
    extra: dict[str, Any] = {}
    if not chunks:
        extra = {"precision": run.hardware.lightning_precision, "accumulate_grad_batches": run.passes}
        extra["gradient_clip_val"] = run.options.clip or None
    return Trainer(
        accelerator=run.hardware.accelerator,
        devices=1 if alone else run.hardware.devices,
        strategy=_strategy(run),
        plugins=[*plugins, LightningEnvironment() if alone else TorchElasticEnvironment()],
        max_epochs=run.options.epochs,
        callbacks=[pilot],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=1.0 if validates else 0,
        use_distributed_sampler=False,
        default_root_dir=run.keep,
        **extra,
    )


def _strategy(run: Run) -> Strategy:
    backend = "nccl" if run.hardware.accelerator == "gpu" else "gloo"
    if run.hardware.strategy == "ddp":
        return DDPStrategy(process_group_backend=backend)
    if run.hardware.strategy == "fsdp":
        return Sharded(run.hardware.devices, backend=backend)
    return SingleDeviceStrategy(device=run.device)
