"""What decides whether a model is trained again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mlops.services.monitor import Window
from mlops.stage import Part

__all__ = ["Decision", "History", "Policy"]


@dataclass(frozen=True)
class History:
    """What a policy decides by."""

    windows: tuple[Window, ...]
    """All windows, the oldest first."""

    version: int
    """The version that serves."""

    now: float
    """Seconds since the epoch."""

    last_training: float | None
    """When the last retraining began, whatever came of it; None before the first."""

    seen_until: str
    """Start of the last window that the last retraining had seen; empty before the first."""


@dataclass(frozen=True)
class Decision:
    """What a policy says."""

    retrain: bool
    reasons: tuple[str, ...]
    """Why, or why not: one sentence each."""


class Policy(Part, ABC):
    """Decides on retraining. Must be light and depend on its history alone."""

    collect: str | None = None
    """Folder of Parquet files, among those that the recipe reads, to which labelled rows of the traffic are added."""

    @abstractmethod
    def decide(self, history: History) -> Decision:
        """Say whether to train again now."""
