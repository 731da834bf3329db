"""Retraining by windows: so many of the last ones alarmed, not too soon after the last, enough new labels."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlops.services.duration import Seconds
from mlops.services.monitor import Finding, Kind, Window
from mlops.services.policy import Decision, History, Policy

__all__ = ["Alarmed", "WindowsPolicy"]


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

    Only windows most of whose rows the last retraining had not seen count, so that one drift is answered once.
    """

    when: tuple[Alarmed, ...] = (Alarmed(at_least=1, of=1, kinds=("performance",)), Alarmed())
    """Any of these is a reason."""

    every: Annotated[Seconds, Field(gt=0)] | None = None
    """Train again after so long in any case: 30d, 12h."""

    cooldown: Annotated[Seconds, Field(ge=0)] = 86400.0
    """Shortest time between two retrainings."""

    min_new_labels: Annotated[int, Field(ge=0)] = 500
    """Labelled rows, since the last retraining, without which there is nothing new to learn."""

    clock: Literal["now", "data"] = "now"
    """What time counts for cooldown and every: the clock's, or the end of the last window (for replays)."""

    suspect: Annotated[float, Field(gt=1)] | None = None
    """A column whose drift is so many times its floor is taken for a fault upstream, not for change: such a window
    is no reason to train, and its rows are not learnt from."""

    def decide(self, history: History) -> Decision:
        """Say whether to train again now."""
        fresh = tuple(window for window in history.fresh if self.learns_from(window))
        faults = [self._fault(window) for window in history.fresh if not self.learns_from(window)]
        why = [*self._alarmed(fresh), *self._old(history)]
        if not why:
            seen = f"no reason: {_count(len(fresh), 'window')} since the last retraining, none asks for one"
            return Decision(False, (seen, *faults))
        against = [*self._too_soon(history), *self._too_little(fresh)]
        return Decision(not against, (*why, *faults, *(f"but {reason}" for reason in against)))

    def learns_from(self, window: Window) -> bool:
        """Say whether no column of the window has moved so far that a fault is likelier than change."""
        return self._suspects(window) is None

    def moment(self, history: History) -> float:
        """Give the clock's time, or the end of the last window."""
        if self.clock == "now" or not history.windows:
            return history.now
        return datetime.fromisoformat(history.windows[-1].end).timestamp()

    def _suspects(self, window: Window) -> Finding | None:
        limit = self.suspect
        if limit is None:
            return None
        found = (item for item in window.alarms if item.kind == "drift" and item.effect >= limit * item.floor)
        return next(found, None)

    def _fault(self, window: Window) -> str:
        found = self._suspects(window)
        return f"{window.start[:10]} does not count, it looks like a fault: {found.sentence if found else ''}"

    def _alarmed(self, fresh: tuple[Window, ...]) -> list[str]:
        found: list[str] = []
        for rule in self.when:
            last = [[item for item in window.alarms if item.kind in rule.kinds] for window in fresh[-rule.of :]]
            hit = [alarms for alarms in last if alarms]
            if len(hit) >= rule.at_least:
                found.append(f"{len(hit)} of the last {_count(len(last), 'window')} alarmed: {hit[-1][0].sentence}")
        return found

    def _old(self, history: History) -> list[str]:
        began = self._began(history)
        if self.every is None or began is None:
            return []
        age = self.moment(history) - began
        return [f"the last training is {age / 86400:.1f} days old"] if age >= self.every else []

    def _began(self, history: History) -> float | None:
        """Find when the model was trained last; before any retraining, when it was registered or first asked."""
        if history.last_training is not None:
            return history.last_training
        if self.clock == "now":
            return history.registered
        return datetime.fromisoformat(history.windows[0].start).timestamp() if history.windows else None

    def _too_soon(self, history: History) -> list[str]:
        if history.last_training is None:
            return []
        age = self.moment(history) - history.last_training
        if age >= self.cooldown:
            return []
        return [f"the last retraining was {age / 3600:.1f} h ago, the cooldown is {self.cooldown / 3600:.1f} h"]

    def _too_little(self, fresh: tuple[Window, ...]) -> list[str]:
        labels = sum(window.labels for window in fresh)
        return (
            [f"only {labels:,} new labels, {self.min_new_labels:,} are needed"] if labels < self.min_new_labels else []
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
