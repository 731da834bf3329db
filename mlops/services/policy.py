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
    """Start of the last window that the last retraining had seen, unless that failed; empty before the first."""

    registered: float | None = None
    """When the version that serves was registered, in seconds since the epoch; None when that is not known."""

    seen_rows: int = 0
    """Rows that the last of the seen windows had then: it may have gone on since."""

    @property
    def fresh(self) -> tuple[Window, ...]:
        """The windows most of whose rows came after the last retraining, so that one drift is answered once."""
        return tuple(
            window
            for window in self.windows
            if window.start > self.seen_until or (window.start == self.seen_until and window.rows > 2 * self.seen_rows)
        )


@dataclass(frozen=True)
class Decision:
    """What a policy says."""

    retrain: bool
    reasons: tuple[str, ...]
    """Why, or why not: one sentence each."""


class Policy(Part, ABC):
    """Decides on retraining: the engine asks it in every round. Must be light and depend on its history alone."""

    collect: str | None = None
    """Folder of Parquet files, among those that the recipe reads, to which labelled rows of the traffic are added."""

    @abstractmethod
    def decide(self, history: History) -> Decision:
        """Say whether to train again now."""

    def learns_from(self, window: Window) -> bool:  # noqa: ARG002 - for those that are choosy
        """Say whether labelled rows of a window may be collected; those of another one wait until it may be."""
        return True

    def moment(self, history: History) -> float:
        """Give the time by which this policy counts, in seconds since the epoch."""
        return history.now
