"""A context for running one stage by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mlops.stage import Context

__all__ = ["make_context"]


def make_context(
    folder: Path, *, seed: int = 0, cpus: int = 1, metrics: Callable[[str, float, int | None], None] | None = None
) -> Context:
    """Make a context that works in ``folder`` (created; must be empty) and hands metrics to ``metrics``."""
    folder.mkdir(parents=True, exist_ok=True)
    context = Context(folder=folder, seed=seed, cpus=cpus)
    return context if metrics is None else replace(context, on_metric=metrics)
