"""What a monitor is: it looks at what a model was asked and what came true, window by window."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlops.stage import Part, Place

if TYPE_CHECKING:
    import polars as pl

    from mlops.formats.profile import Profile

__all__ = ["Finding", "Kind", "Monitor", "Performance", "Reference", "Subject", "Watched", "Window"]

Kind = Literal["drift", "missing", "new", "prediction", "performance", "fairness"]


@dataclass(frozen=True)
class Reference:
    """What is known of a version from its training."""

    profile: Profile
    """What the data and the predictions looked like."""

    signature: Mapping[str, Any]
    """The bundle's: inputs, task, classes."""

    measured: Mapping[str, Any] = field(default_factory=dict)
    """The evaluation's facts: how good the model was then."""


@dataclass(frozen=True)
class Subject:
    """What is looked at."""

    name: str
    """Name of the deployment, or of the recipe when plain files are looked at."""

    rows: pl.DataFrame
    """Columns as `mlops.services.traffic.Traffic.table` gives them; shadow rows are left out."""

    references: Mapping[int, Reference]
    """Version of the model → what it is compared with; 0 for rows that no version is named for."""

    def reference(self, versions: Sequence[int]) -> Reference:
        """Choose what rows are compared with: the first known of these versions, or the latest that is known at all."""
        known = [version for version in versions if version in self.references]
        return self.references[known[0] if known else max(self.references)]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was."""

    kind: Kind
    what: str
    """The column, the metric or the group."""

    effect: float
    """How large it is, in the unit that the sentence names."""

    floor: float
    """From which size on it counts."""

    p: float
    """Probability of such an effect where nothing has changed; 1 where that is not asked."""

    alarm: bool
    """Whether it counts: as large as the floor, and beyond chance after correction."""

    sentence: str


@dataclass(frozen=True)
class Performance:
    """One metric on the rows of a window whose labels are known."""

    metric: str
    value: float
    low: float
    high: float
    """95 % interval."""

    reference: float | None
    """The same metric on the test rows."""

    higher_is_better: bool = True


@dataclass(frozen=True)
class Window:
    """One span of time."""

    start: str
    """ISO time in UTC; the span ends before the start of the next."""

    end: str
    rows: int
    labels: int
    versions: tuple[int, ...]
    """Versions of the model that answered."""

    findings: tuple[Finding, ...] = ()
    """Every comparison made, the largest effect for its floor first."""

    performance: tuple[Performance, ...] = ()
    note: str = ""
    """Why nothing was compared, where nothing was."""

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """The findings that count."""
        return tuple(item for item in self.findings if item.alarm)

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        return {
            **vars(self),
            "versions": list(self.versions),
            "findings": [vars(item) for item in self.findings],
            "performance": [vars(item) for item in self.performance],
        }


@dataclass(frozen=True)
class Watched:
    """What one look found."""

    subject: str
    windows: tuple[Window, ...]
    """The oldest first."""

    fresh: tuple[str, ...]
    """Starts of the windows whose alarms had not been told before."""

    report: Path | None = None
    clock: str = "_time"
    """Column of the subject's rows by which they were cut into windows."""

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        windows = [window.to_json() for window in self.windows]
        return {
            "subject": self.subject,
            "windows": windows,
            "fresh": list(self.fresh),
            "report": str(self.report) if self.report else None,
        }


class Monitor(Part, ABC):
    """Looks at a deployment's traffic, or at files. Called once, or again and again, by the engine."""

    @abstractmethod
    def look(self, subject: Subject, place: Place) -> Watched:
        """Compare every window with the reference, keep what was found, and tell those who asked to be told.

        Looking twice at the same rows finds the same and tells it once.

        Raises:
            ProjectError: a column is missing, or nothing can be compared at all.
        """
