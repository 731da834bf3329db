"""How a server behaves: what it takes, what it refuses, and what it keeps."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from mlops.stage import Part

__all__ = ["Duration", "Limits", "LogMode", "Settings", "seconds"]

LogMode = Literal["required", "best_effort"]

Duration = Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*(s|m|h|d)$")]
"""A length of time such as 90s, 5m, 2h or 1d."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str) -> float:
    """Read a `Duration`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", text)
    if found is None:
        raise ValueError(f"{text!r} is no length of time such as 90s or 5m")
    return float(found[1]) * _UNITS[found[2]]


class Limits(Part):
    """What one worker takes before it refuses."""

    body_mib: Annotated[float, Field(gt=0, le=1024)] = 4.0
    """Largest body of a request in MiB; a larger one gets 413."""

    rows: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Most rows, or labels, of one request; more get 413."""

    waiting: Annotated[int, Field(ge=1, le=100_000)] = 64
    """Most predictions that wait for their turn; more get 503 with Retry-After at once."""

    wait_seconds: Annotated[float, Field(gt=0)] = 0.5
    """Longest that a prediction is expected to wait for its turn; beyond it, requests get 503 at once."""

    connections: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Most open connections; more are closed at once."""

    client_seconds: Annotated[float, Field(gt=0)] = 10.0
    """Longest that a client may take to send a request; then it gets 408, or its connection is closed."""


@dataclass(frozen=True)
class Settings:
    """What a worker is told."""

    limits: Limits = field(default_factory=Limits)
    key: str = ""
    """Digest of the API key, as `keys.kept` writes it; empty when there is no key."""

    log: LogMode = "required"
    route_by: str = ""
    """Column whose value decides which version answers; empty for the request itself."""

    extra_columns: tuple[str, ...] = ()
    threads: int = 1
    drain_seconds: float = 30.0
    segment_mib: float = 64.0
    sync_seconds: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        return {**vars(self), "limits": self.limits.model_dump(), "extra_columns": list(self.extra_columns)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Settings:
        """Read what `to_json` gave."""
        limits = Limits.model_validate(values["limits"])
        return cls(**{**values, "limits": limits, "extra_columns": tuple(values["extra_columns"])})
