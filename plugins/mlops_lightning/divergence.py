"""A loss that is no number: what is said, and the rows that are kept for a look."""

from __future__ import annotations

import numpy as np
import polars as pl

from mlops.errors import StageError
from mlops_lightning.loaders import RowBatch
from mlops_lightning.run import Run

__all__ = ["diverged"]

_NAMED = 3
"""Most features that are named."""


def diverged(run: Run, *, step: int, loss: float) -> StageError:
    """Save the rows of a step whose loss is no number, and make the error that says so."""
    batch = run.loader.rows_of(run.state.epoch, step)
    # Of several processes each may come to such rows, at the same time.
    name = f"features-{run.steps.rank}.parquet" if run.steps.world > 1 else "features.parquet"
    path = run.keep / "diverged" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    _frame(run, batch).write_parquet(path)
    strange = _strange(run, batch)
    where = f"epoch {run.state.epoch + 1}, step {step + 1} of {run.steps.count}, learning rate {run.lr():.3g}"
    if strange:
        cause = f"features of its rows are not finite: {', '.join(strange)}"
        return StageError(f"the loss is {loss}; {cause} (rows saved: {path})", where=where, fix=_MISSING)
    return StageError(f"the loss is {loss}: training diverged (rows saved: {path})", where=where, fix=_fix(run))


_MISSING = "fill missing values before training (features.numeric.impute: median), or drop those features"


def _fix(run: Run) -> str:
    options = run.options
    ideas = [f"lower lr (to {options.lr / 10:g})"]
    if not options.clip:
        ideas.append("set clip: 1.0")
    if run.hardware.precision == "fp16":
        ideas.append("set hardware.precision: fp32")
    return ", or ".join([*ideas, "scale the features (features.numeric.scale: standard)"])


def _frame(run: Run, batch: RowBatch) -> pl.DataFrame:
    matrix = batch.features.detach().cpu().numpy()
    columns = {name: matrix[:, place] for place, name in enumerate(run.facts.features)}
    columns["__target__"] = batch.target.cpu().numpy()
    if batch.weight is not None:
        columns["__weight__"] = batch.weight.cpu().numpy()
    return pl.DataFrame(columns)


def _strange(run: Run, batch: RowBatch) -> list[str]:
    bad = ~np.isfinite(batch.features.detach().cpu().numpy()).all(axis=0)
    names = [name for name, is_bad in zip(run.facts.features, bad, strict=True) if is_bad]
    more = [f"and {len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return names[:_NAMED] + more
