"""How a new version takes over: at once, step by step, or after looking on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlops.services.target import Strategy
from mlops.stage import Part
from mlops_serve.settings import Duration

__all__ = ["Abort", "Canary", "Direct", "Shadow"]


class Abort(Part):
    """When a rollout goes back by itself. Each rule can be switched off with null."""

    error_rate: Annotated[float | None, Field(ge=0, lt=1)] = 0.02
    """Largest share of its predictions that the new version may fail to make."""

    latency: Annotated[float | None, Field(gt=0)] = 2.0
    """How many times slower the new version's slowest hundredth may be than that of the leading one."""

    latency_floor_ms: Annotated[float, Field(ge=0)] = 5.0
    """Milliseconds below which a prediction is never too slow."""

    distribution: Annotated[float | None, Field(gt=0, le=1)] = 0.25
    """Largest distance between the predictions of both versions: total variation of labels or scores, 0 to 1."""


class Direct(Strategy):
    """The new version takes all requests as soon as it is loaded."""

    other_signature: bool = False
    """Whether the new version may take other columns, or give other classes, than the one that serves."""


class Canary(Strategy):
    """The new version takes a growing share of the requests, and goes back when it does worse."""

    steps: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (0.05, 0.25, 1.0)
    """Shares of the requests, one step after the other; the last is 1."""

    bake: Duration = "5m"
    """How long each step lasts at least."""

    min_requests: Annotated[int, Field(ge=1)] = 100
    """Predictions that the new version must have made in a step before the next one; only then is it compared."""

    abort: Abort = Abort()
    """When to go back."""

    @model_validator(mode="after")
    def _grows(self) -> Canary:
        if list(self.steps) != sorted(set(self.steps)) or self.steps[-1] != 1.0:
            raise ValueError("steps must grow and end with 1.0")
        return self


class Shadow(Strategy):
    """The new version answers every request too, but nobody sees its answers; then it is compared."""

    duration: Duration = "1h"
    """How long it looks on at least."""

    min_requests: Annotated[int, Field(ge=1)] = 100
    """Predictions that it must have made."""

    then: Literal["stop", "promote"] = "stop"
    """What happens when nothing speaks against it."""

    abort: Abort = Abort()
    """What speaks against it."""
