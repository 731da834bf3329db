"""What may follow a run: the record on disk, the terminal, an experiment tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from mlops.store import OutputRef

__all__ = ["Action", "Followers", "StepResult", "Watcher"]

Action = Literal["run", "reuse", "failed", "interrupted", "skipped"]


@dataclass(frozen=True)
class StepResult:
    """What came of one step."""

    stage: str
    action: Action
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0
    peak_memory: int = 0
    """Largest resident memory while the stage ran, in bytes; 0 when it did not run."""

    key: str | None = None
    made_by: str | None = None
    started: str | None = None
    """ISO time in UTC."""

    outputs: tuple[OutputRef, ...] = ()
    summaries: Mapping[str, str] = field(default_factory=dict)
    """Output → a few words on what is inside."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    """Input → 'stage.output'."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    ingredients: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the form kept in run.json."""
        found = {name: value for name, value in vars(self).items() if name != "outputs"}
        return {
            **found,
            "reasons": list(self.reasons),
            "outputs": {ref.name: {"format": ref.format, "digest": ref.digest} for ref in self.outputs},
        }


class Watcher(Protocol):
    """Follows a run. Called in order, from the process that runs the plan; must not raise."""

    def step_started(self, stage: str, reasons: Sequence[str]) -> None:
        """A stage begins to work."""

    def step_waits(self, stage: str) -> None:
        """Another run is computing the same thing; this one waits for it."""

    def progress(self, stage: str, done: float, total: float, note: str) -> None:
        """A stage says how far it is."""

    def metric(self, stage: str, name: str, value: float, step: int | None) -> None:
        """A stage measured something."""

    def step_finished(self, result: StepResult) -> None:
        """A step was run, reused, failed or skipped; what it made is committed."""


@dataclass(frozen=True)
class Followers:
    """Several watchers as one."""

    watchers: tuple[Watcher, ...]

    def step_started(self, stage: str, reasons: Sequence[str]) -> None:
        """Pass on."""
        for watcher in self.watchers:
            watcher.step_started(stage, reasons)

    def step_waits(self, stage: str) -> None:
        """Pass on."""
        for watcher in self.watchers:
            watcher.step_waits(stage)

    def progress(self, stage: str, done: float, total: float, note: str) -> None:
        """Pass on."""
        for watcher in self.watchers:
            watcher.progress(stage, done, total, note)

    def metric(self, stage: str, name: str, value: float, step: int | None) -> None:
        """Pass on."""
        for watcher in self.watchers:
            watcher.metric(stage, name, value, step)

    def step_finished(self, result: StepResult) -> None:
        """Pass on."""
        for watcher in self.watchers:
            watcher.step_finished(result)
