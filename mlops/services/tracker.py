"""What an experiment tracker is: it shows elsewhere what runs have written down here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field

from mlops.errors import MlopsError
from mlops.stage import Part, Place

__all__ = ["Batch", "Browser", "Measurement", "RunForgotten", "TrackedRun", "Tracker", "TrackerUnreachable"]


class TrackerUnreachable(MlopsError):
    """A tracker does not answer; nothing more is sent there for a while."""


class RunForgotten(MlopsError):
    """A tracker no longer has a run of which it took something before; everything is sent again."""


@dataclass(frozen=True)
class Measurement:
    """One number that a stage recorded."""

    name: str
    """``stage.metric``."""

    value: float
    """May be infinite or not a number."""

    step: int
    """0 for a number recorded without a step; the last step of that name when there were steps before."""

    time: int
    """Milliseconds since the epoch, the same each time it is sent."""


@dataclass(frozen=True)
class TrackedRun:
    """A run, as a tracker shows it; the same each time it is sent."""

    id: str
    recipe: str
    folder: Path
    parent: str = ""
    """What the run is a part of: the ID of a search's run, or of a sweep (``sweep-…``)."""

    started: int = 0
    """Milliseconds since the epoch."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    """Dotted key of the recipe → value as text, at most 500 characters; secrets as references."""

    tags: Mapping[str, str] = field(default_factory=dict)
    """What else is known: git commit, overrides, seed, version of mlops, description."""

    @property
    def in_sweep(self) -> bool:
        """Whether the parent is a sweep, which is no run itself."""
        return self.parent.startswith("sweep-")


@dataclass(frozen=True)
class Batch:
    """What is to be sent of a run at once."""

    metrics: tuple[Measurement, ...] = ()
    """At most 1,000."""

    artifacts: Mapping[str, Path] = field(default_factory=dict)
    """Name to show → file or folder; given with the end of a run only."""

    status: str = "running"
    """Such as ``Run.status``: running, done, failed, interrupted."""

    ended: int = 0
    """Milliseconds since the epoch; 0 while the run goes on."""

    first: bool = False
    """Whether nothing of the run was acknowledged before."""


@dataclass(frozen=True)
class Browser:
    """How to look at a tracker."""

    url: str
    command: tuple[str, ...] = ()
    """Starts a server there, which ends with its process; none for one that runs elsewhere."""


class Tracker(Part, ABC):
    """Shows runs elsewhere. Called by a process of its own that reads what runs wrote down, never by a run itself.

    A run's folder is the truth and the tracker an image of it, which can be made again at any time.
    """

    bundle: bool = False
    """Whether the bundle is sent too, and not only its signature."""

    patience: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """Seconds that a run waits at its end for the tracker to have everything; sending goes on afterwards."""

    retry: Annotated[float, Field(ge=0, le=86400)] = 60.0
    """Seconds for which a tracker that does not answer is tried again after the last run has ended."""

    @abstractmethod
    def send(self, run: TrackedRun, batch: Batch, place: Place) -> None:
        """Show a run's next batch; once this returns, the tracker has it for good.

        Called by one process at a time for a run, in order. What was sent before a kill comes again,
        so the same batch twice must leave what it leaves once. May import heavy libraries.

        Raises:
            TrackerUnreachable: the tracker does not answer; other runs are not tried for a while either.
            RunForgotten: the batch is not the first, and the tracker does not have the run.
            Exception: anything else concerns this run only.
        """

    @abstractmethod
    def where(self, run: TrackedRun, place: Place) -> str:
        """Say where to look at a run that was sent: a URL, or a command. Called where `send` is."""

    def browse(self, place: Place, *, port: int) -> Browser | None:  # noqa: ARG002 - for those that can be looked at
        """Say how to look at all runs.

        Args:
            place: the project.
            port: where a server that is to be started must listen, on 127.0.0.1.

        Returns:
            None when there is nothing to look at.
        """
        return None
