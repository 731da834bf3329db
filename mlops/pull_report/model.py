"""What a report on a change holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["DataChange", "GateResult", "KeyChange", "MetricChange", "PullReport", "RecipeReport", "StageChange"]


@dataclass(frozen=True)
class StageChange:
    """One stage of this tree's recipe beside the base's."""

    stage: str
    runs: bool
    """Whether it runs again; one that does not makes what the base's made."""

    reasons: tuple[str, ...] = ()
    effect: bool = False
    """Whether it acts outside its outputs."""


@dataclass(frozen=True)
class KeyChange:
    """One key whose composed value differs."""

    key: str
    change: str
    place: str
    """Where this tree sets it, or where the base did when it is gone."""


@dataclass(frozen=True)
class DataChange:
    """One thing about data that differs: a source, or what a table made of it holds."""

    name: str
    what: str


@dataclass(frozen=True)
class MetricChange:
    """One metric of the latest runs of both trees; intervals where they were measured."""

    part: str
    name: str
    was: float | None
    now: float | None
    was_interval: tuple[float, float] | None = None
    now_interval: tuple[float, float] | None = None
    verdict: str = ""
    """better, worse, within noise, new; empty when nothing can be said."""


@dataclass(frozen=True)
class GateResult:
    """What one gate of this tree's latest run found."""

    name: str
    mode: str
    passed: bool
    sentence: str


@dataclass(frozen=True)
class RecipeReport:
    """All that is said of one recipe."""

    recipe: str
    stages: tuple[StageChange, ...] = ()
    gone: tuple[str, ...] = ()
    """Stages that only the base has."""

    keys: tuple[KeyChange, ...] = ()
    data: tuple[DataChange, ...] = ()
    metrics: tuple[MetricChange, ...] = ()
    gates: tuple[GateResult, ...] = ()
    base_run: str = ""
    head_run: str = ""
    notes: tuple[str, ...] = ()
    error: str = ""
    """Why this tree's recipe cannot be read."""

    @property
    def is_changed(self) -> bool:
        """Whether anything in it differs from the base."""
        return bool(self.error or self.gone or self.keys or self.data or any(stage.runs for stage in self.stages))


@dataclass(frozen=True)
class PullReport:
    """A change of a project beside its base."""

    base: str
    """As it was named."""

    commit: str
    recipes: tuple[RecipeReport, ...]

    @property
    def has_mistakes(self) -> bool:
        """Whether a recipe of this tree cannot be read."""
        return any(recipe.error for recipe in self.recipes)

    def to_json(self) -> Mapping[str, Any]:
        """Give plain JSON values."""
        return asdict(self)
