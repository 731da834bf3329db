"""What happens around the steps of a fit: curves, validation, stopping, checkpoints, progress."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from mlops_lightning.determinism import draw_anew, random_state, restore_random_state
from mlops_lightning.divergence import diverged
from mlops_lightning.due import Due
from mlops_lightning.evaluation import validation_loss
from mlops_lightning.loaders import Chunk
from mlops_lightning.processes import alike, any_of, summed
from mlops_lightning.progress import Progress
from mlops_lightning.run import Run
from mlops_lightning.sharding import whole
from mlops_lightning.signals import Interrupted, StopRequest
from mlops_lightning.state import Best

__all__ = ["Pilot"]

_CHECK_EVERY = 16
"""Steps after which processes that train together ask one another whether one of them wants to end or save."""

_PLATEAU_SHARE, _PLATEAU_FACTOR = 2, 0.1
"""plateau divides the learning rate when so large a part (1/2) of the patience has passed without progress."""

_PLATEAU_EPOCHS = 5
"""The same where there is no patience."""


class Pilot(Callback):
    """Follows a fit and decides when it validates, saves and ends."""

    def __init__(self, run: Run, *, stop: StopRequest, saves: bool) -> None:
        self._run = run
        self._state = run.state
        self._stop = stop
        self._due = Due(run.options.checkpoint) if saves else None
        self._progress = Progress(run)
        self._losses: list[Tensor] = []
        self._rows: list[int] = []
        self._passes = 0
        self._random: dict[str, Any] | None = None
        self._clock = time.monotonic()

    # What a checkpoint holds beside what Lightning collects.

    def state_dict(self) -> dict[str, Any]:
        """Give counters, curves, best weights, averages and the sources of chance."""
        tree = {"state": self._state.to_tree(), "averages": self._run.averages.state()}
        return {**tree, "random": random_state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what `state_dict` gave."""
        self._state.restore(state_dict["state"])
        self._run.averages.restore(state_dict["averages"])
        self._random = state_dict["random"]

    # What Lightning's loop calls.

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals back from Lightning, and start the clock."""
        del trainer, pl_module
        self._stop.watch()
        self._clock = time.monotonic()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on with the chance of the fit that is resumed, now that nothing else draws from it."""
        del trainer, pl_module
        if self._random is not None:
            restore_random_state(self._random)
            self._random = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Have each of several processes draw chance of its own; nothing of it need be in a checkpoint."""
        del pl_module, batch, batch_idx
        if trainer.world_size > 1 and self._passes == 0:
            draw_anew(self._run.seed, self._state.steps, trainer.global_rank)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before a user's own validation step: judge one network, not as many as there are processes."""
        del trainer, pl_module
        alike(self._run.network)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take in a chunk, or a pass of a step; save and end where that is due."""
        del batch_idx
        if isinstance(outputs, dict) and "losses" in outputs:
            self._take_chunk(outputs, batch)
        elif not self._take_pass(trainer, pl_module, outputs, batch):
            return
        self._progress.show(self._state)
        self._save_or_end(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the epoch: curves, averages, validation, the best weights, stopping."""
        self._settle()
        state, run = self._state, self._run
        state.epoch += 1
        state.step = 0
        self._tick()
        run.averages.after_epoch(state.epoch / run.options.epochs, start=run.options.average_from)
        self._close_curves(lr=float(trainer.optimizers[0].param_groups[0]["lr"]))
        if run.validation is not None:
            self._judge(self._logged(trainer))
        pl_module.train()
        trainer.should_stop = trainer.should_stop or state.stopped
        self._save_or_end(trainer, epoch=True)

    # The steps of the above.

    def _take_chunk(self, outputs: dict[str, Any], chunk: Chunk) -> None:
        first = self._state.step
        self._losses = outputs["losses"]
        bounds = [self._run.steps.bounds(step) for step in range(first, chunk.stop)]
        self._rows = [stop - start for start, stop in bounds]
        if outputs["norm"] is not None:
            self._take_norm(outputs["norm"])
        self._state.step = chunk.stop
        self._state.rows += sum(self._rows)
        self._settle()

    def _take_norm(self, norm: Tensor | float) -> None:
        value = float(norm)
        if math.isfinite(value):
            self._state.norm_sum += value
            self._state.norm_count += 1

    def _take_pass(self, trainer: Trainer, module: LightningModule, outputs: Any, batch: tuple[Tensor, ...]) -> bool:
        """Take in one pass; says whether a step is complete and it is time to look around."""
        del module
        if isinstance(outputs, dict):
            # Of our own modules: the mean over the pass, before it was weighed by its rows.
            mean = outputs["mean"] if "mean" in outputs else outputs["loss"].detach() * self._run.passes
            self._losses.append(mean)
            self._rows.append(len(batch[1]))
        self._passes += 1
        if self._passes < self._run.passes:
            return False
        self._passes = 0
        self._state.rows += self._run.steps.size(self._state.step)
        self._state.step += 1
        self._state.steps += 1
        self._run.averages.after_step()
        if self._state.step % _CHECK_EVERY and trainer.world_size > 1:
            return False
        self._settle()
        return True

    def _settle(self) -> None:
        """Add up the losses that came in since; the device is waited for here."""
        if not self._losses:
            return
        found = torch.stack(self._losses).double().cpu().numpy()
        rows, self._losses, self._rows = self._rows, [], []
        bad = [place for place, value in enumerate(found) if not math.isfinite(value)]
        if bad:
            behind = math.ceil((len(found) - bad[0]) / self._run.passes)
            raise diverged(self._run, step=self._state.step - behind, loss=float(found[bad[0]]))
        self._state.loss_sum += float((found * rows).sum())
        self._state.loss_rows += sum(rows)

    def _close_curves(self, *, lr: float) -> None:
        state, curves = self._state, self._state.curves
        total, rows = summed([state.loss_sum, float(state.loss_rows)], self._run.device)
        curves.train_loss.append(total / max(1.0, rows))
        curves.lr.append(lr)
        if state.norm_count:
            curves.gradient_norm.append(state.norm_sum / state.norm_count)
        state.loss_sum, state.loss_rows, state.norm_sum, state.norm_count = 0.0, 0, 0.0, 0

    def _judge(self, logged: float | None) -> None:
        """Compare with the best epoch so far."""
        state, run = self._state, self._run
        with run.averages.in_place():
            alike(run.network)
            loss = validation_loss(run) if logged is None else logged
            state.curves.validation_loss.append(loss)
            run.report.metric("validation_loss", loss, step=len(state.curves.validation_loss) - 1)
            better = loss < state.best.loss
            if better:
                state.best = Best(loss, state.epoch, self.weights())
        state.waited = 0 if better else state.waited + 1
        state.stalled = 0 if better else state.stalled + 1
        patience = run.options.patience
        if run.options.schedule == "plateau" and state.stalled >= (patience // _PLATEAU_SHARE or _PLATEAU_EPOCHS):
            state.damping *= _PLATEAU_FACTOR
            state.stalled = 0
        if patience and state.waited >= patience:
            state.stopped = True

    def weights(self) -> dict[str, Tensor]:
        """Copy the network's weights as they are now; all processes that train together must ask."""
        found: dict[str, Tensor] = whole(self._run.network.state_dict())
        return found

    def _save_or_end(self, trainer: Trainer, *, epoch: bool = False) -> None:
        due = self._due is not None and self._due.now(self._state, epoch=epoch)
        asked, due, late = any_of([bool(self._stop), due, self._time_is_over()], self._run.device)
        if self._due is not None and (due or asked):
            self._tick()
            trainer.save_checkpoint("", weights_only=False)
            self._due.saved(self._state)
        if asked:
            raise Interrupted
        if late:
            self._state.stopped = trainer.should_stop = True

    def _tick(self) -> None:
        now = time.monotonic()
        self._state.seconds += now - self._clock
        self._clock = now

    def _time_is_over(self) -> bool:
        limit = self._run.options.max_time * 60
        return bool(limit) and self._state.seconds + time.monotonic() - self._clock > limit

    def _logged(self, trainer: Trainer) -> float | None:
        """Find a validation loss that a user's own validation step logged: the mean over the processes."""
        found = trainer.callback_metrics.get("validation_loss")
        return None if found is None else summed([float(found)], self._run.device)[0] / trainer.world_size
