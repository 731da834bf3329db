"""Lightning's way to checkpoints: what it would pickle goes to a `Checkpoints` folder instead."""

from __future__ import annotations

from typing import Any

from lightning.fabric.plugins import CheckpointIO

from mlops_lightning.checkpoints import Checkpoints

__all__ = ["SafeIO"]

_LEFT_OUT = ("hyper_parameters", "hparams_name", "loops")
"""The recipe knows the parameters; where the loops are is told in our own words."""


class SafeIO(CheckpointIO):
    """Hands what Lightning collects to the folder, and gives back the checkpoint that the fit starts from."""

    def __init__(self, checkpoints: Checkpoints | None, start: dict[str, Any] | None) -> None:
        self._checkpoints = checkpoints
        self._start = start

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint; the folder chooses the name."""
        del path, storage_options
        if self._checkpoints is not None:
            kept = {name: value for name, value in checkpoint.items() if name not in _LEFT_OUT}
            self._checkpoints.save({**kept, "loops": _between_epochs(checkpoint)})

    def load_checkpoint(self, path: Any, map_location: Any | None = None, weights_only: bool | None = None) -> Any:  # noqa: FBT001 - Lightning's signature
        """Give the checkpoint that was found when the fit began; it is let go once used."""
        del path, map_location, weights_only
        start, self._start = self._start, None
        return start

    def remove_checkpoint(self, path: Any) -> None:
        """Do nothing: the folder removes what is old."""


def _between_epochs(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Tell Lightning's loops that so many epochs are done and the next has not begun.

    Where in that epoch the fit is, the loader knows from the fit's own state; Lightning's own way
    back into an epoch counts batches, and chunks are none.
    """
    (pilot,) = (value for name, value in checkpoint["callbacks"].items() if name.startswith("Pilot"))
    done = pilot["state"]["epoch"]
    loops: dict[str, Any] = dict(checkpoint["loops"]["fit_loop"])
    counts = dict.fromkeys(("ready", "completed", "started", "processed"), done)
    loops["epoch_progress"] = {"total": dict(counts), "current": dict(counts)}
    for name in [name for name in loops if name.startswith("epoch_loop.batch_progress")]:
        del loops[name]
    return {"fit_loop": loops}
