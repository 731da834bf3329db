"""The network as Lightning's Trainer drives it: many steps a call in one process, one a call in several."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.optim import Optimizer

from mlops_lightning.loaders import Chunk, RowBatch
from mlops_lightning.optimizers import QuickSteps, optimizer_of
from mlops_lightning.run import Run
from mlops_lightning.sharding import shard

__all__ = ["ChunkModule", "StepModule"]


class _Module(LightningModule):
    """Holds the network; what the fit is made of is no part of the module's state."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.network = run.network
        self._run = (run,)

    @property
    def run(self) -> Run:
        """What the fit is made of."""
        return self._run[0]

    def configure_optimizers(self) -> Optimizer:
        """Make the optimizer that the recipe names."""
        return optimizer_of(self.run.options, self.network)

    def _set_lr(self, optimizer: Optimizer) -> None:
        lr = self.run.lr()
        if lr != optimizer.param_groups[0]["lr"]:
            for group in optimizer.param_groups:
                group["lr"] = lr


class ChunkModule(_Module):
    """Trains a whole chunk of steps a call, so that Lightning's work between calls is shared by many steps."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.automatic_optimization = False
        # In a tuple: a module that is an attribute would come into the state twice.
        self._forward = (torch.compile(run.network) if run.hardware.compile else run.network,)
        self._scaler = torch.amp.GradScaler(run.device.type) if run.hardware.precision == "fp16" else None
        self._quick: QuickSteps | None = None

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Leave the chunk alone: it brings its rows to the device itself."""
        del device, dataloader_idx
        return batch

    def training_step(self, chunk: Chunk) -> dict[str, Any]:
        """Take every step of the chunk; nothing waits for the device."""
        optimizer = self.trainer.optimizers[0]
        losses = []
        for step in range(chunk.first, chunk.stop):
            self._set_lr(optimizer)
            batch = chunk.batch(step)
            losses.append(self._gradients(batch))
            norm = self._clipped(optimizer, measure=step == chunk.stop - 1)
            self._stepped(optimizer)
            self.run.averages.after_step()
            self.run.state.steps += 1
        return {"losses": losses, "norm": norm}

    def _gradients(self, batch: RowBatch) -> Tensor:
        """Add up the gradients of the passes of one step; gives the step's loss."""
        if self.run.passes == 1:
            return self._backward(batch, 1.0)
        rows = len(batch.target)
        edges = [rows * place // self.run.passes for place in range(self.run.passes + 1)]
        parts = [(start, stop) for start, stop in pairwise(edges) if stop > start]
        shares = [self._backward(batch.part(start, stop), (stop - start) / rows) for start, stop in parts]
        return torch.stack(shares).sum()

    def _backward(self, batch: RowBatch, share: float) -> Tensor:
        with self.run.arithmetic():
            raw = self._forward[0](batch.features)
        loss = self.run.objective.training(raw.float(), batch.target, batch.weight)
        if share != 1.0:
            loss = loss * share
        (loss if self._scaler is None else self._scaler.scale(loss)).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss.detach()

    def _clipped(self, optimizer: Optimizer, *, measure: bool) -> Tensor | None:
        """Shorten the gradient when asked; gives its length before, when that was asked or is to be measured."""
        clip = self.run.options.clip
        if not clip and not measure:
            return None
        if self._scaler is not None:
            self._scaler.unscale_(optimizer)
        weights = [weight for weight in self.network.parameters() if weight.grad is not None]
        if clip:
            return nn.utils.clip_grad_norm_(weights, clip)
        return nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])

    def _stepped(self, optimizer: Optimizer) -> None:
        if self._scaler is None:
            # Made in the fit: a checkpoint that is loaded brings tensors of its own.
            self._quick = self._quick or QuickSteps(optimizer)
            self._quick.step()
        else:
            self._scaler.step(optimizer)
            self._scaler.update()
        # As zero_grad does, without its hooks: small steps feel every call.
        for group in optimizer.param_groups:
            for weight in group["params"]:
                weight.grad = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add how gradients are scaled."""
        if self._scaler is not None:
            checkpoint["scaler"] = self._scaler.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take how gradients are scaled."""
        if self._scaler is not None and "scaler" in checkpoint:
            self._scaler.load_state_dict(checkpoint["scaler"])


class StepModule(_Module):
    """One pass a call, through Lightning's strategy: what several processes need."""

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set the learning rate of the step that the pass belongs to."""
        del batch, batch_idx
        self._set_lr(self.trainer.optimizers[0])

    def configure_model(self) -> None:
        """Spread the weights over the devices where that was asked for."""
        if self.run.hardware.strategy == "fsdp" and not isinstance(self.network, FSDPModule):
            mesh: Any = self.device_mesh
            shard(self.network, mesh["data_parallel"])

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> dict[str, Tensor]:
        """Give the loss; Lightning does the rest, and takes all passes of all processes to weigh the same."""
        features, target, *weight = batch
        raw = self.network(features)
        mean = self.run.objective.training(raw.float(), target, weight[0] if weight else None)
        passes = self.run.passes
        share = self.run.steps.share(self.run.state.step, batch_idx % passes, passes=passes)
        return {"loss": mean * share, "mean": mean.detach()}
