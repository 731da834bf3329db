"""Retraining by windows: so many of the last ones alarmed, not too soon after the last, enough new labels."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mlops.services.monitor import Kind, Window
from mlops.services.policy import Decision, History, Policy

__all__ = ["Alarmed", "WindowsPolicy"]

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def _seconds(value: Any) -> Any:
    """Read '30m', '6h', '7d' or '2w' as seconds."""
    if isinstance(value, str) and value[-1:] in _UNITS and value[:-1].strip().replace(".", "", 1).isdigit():
        return float(value[:-1]) * _UNITS[value[-1]]
    return value


class Alarmed(BaseModel):
    """So many of the last windows have alarms of some kinds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_least: Annotated[int, Field(ge=1)] = 2
    """How many windows must have an alarm …"""

    of: Annotated[int, Field(ge=1)] = 3
    """… among so many last ones."""

    kinds: tuple[Kind, ...] = ("drift", "missing", "new", "prediction", "performance")
    """Which alarms count: drift, missing, new, prediction, performance, fairness."""

    @model_validator(mode="after")
    def _possible(self) -> Alarmed:
        if self.at_least > self.of:
            raise ValueError(f"`at_least` ({self.at_least}) cannot be more than `of` ({self.of})")
        return self


class WindowsPolicy(Policy):
    """Train again when enough windows that the model served have alarms, or when it is old.

    Only windows after those that the last retraining had seen count, so that one drift is answered once.
    """

    when: tuple[Alarmed, ...] = (Alarmed(at_least=1, of=1, kinds=("performance",)), Alarmed())
    """Any of these is a reason."""

    every: Annotated[Annotated[float, Field(gt=0)] | None, BeforeValidator(_seconds)] = None
    """Train again after so long in any case: 30d, 12h."""

    cooldown: Annotated[float, BeforeValidator(_seconds), Field(ge=0)] = 86400.0
    """Shortest time between two retrainings."""

    min_new_labels: Annotated[int, Field(ge=0)] = 500
    """Labelled rows, since the last retraining, without which there is nothing new to learn."""

    clock: Literal["now", "data"] = "now"
    """What time counts for cooldown and every: the clock's, or the end of the last window (for replays)."""

    def decide(self, history: History) -> Decision:
        """Say whether to train again now."""
        fresh = tuple(window for window in history.windows if window.start > history.seen_until)
        why = [*self._alarmed(fresh), *self._old(history)]
        if not why:
            return Decision(False, (f"no reason: {len(fresh)} windows since the last retraining, none asks for one",))
        against = [*self._too_soon(history), *self._too_little(fresh)]
        return Decision(not against, (*why, *(f"but {reason}" for reason in against)))

    def _alarmed(self, fresh: tuple[Window, ...]) -> list[str]:
        found: list[str] = []
        for rule in self.when:
            last = [[item for item in window.alarms if item.kind in rule.kinds] for window in fresh[-rule.of :]]
            hit = [alarms for alarms in last if alarms]
            if len(hit) >= rule.at_least:
                found.append(f"{len(hit)} of the last {len(last)} windows have alarms: {hit[-1][0].sentence}")
        return found

    def _old(self, history: History) -> list[str]:
        if self.every is None or history.last_training is None:
            return []
        age = self._now(history) - history.last_training
        return [f"the last training is {age / 86400:.1f} days old"] if age >= self.every else []

    def _too_soon(self, history: History) -> list[str]:
        if history.last_training is None:
            return []
        age = self._now(history) - history.last_training
        if age >= self.cooldown:
            return []
        return [f"the last retraining was {age / 3600:.1f} h ago, the cooldown is {self.cooldown / 3600:.1f} h"]

    def _too_little(self, fresh: tuple[Window, ...]) -> list[str]:
        labels = sum(window.labels for window in fresh)
        return (
            [f"only {labels:,} new labels, {self.min_new_labels:,} are needed"] if labels < self.min_new_labels else []
        )

    def _now(self, history: History) -> float:
        if self.clock == "now" or not history.windows:
            return history.now
        return datetime.fromisoformat(history.windows[-1].end).timestamp()
