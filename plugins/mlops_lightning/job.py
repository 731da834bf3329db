"""One fit described as data, so that any process of the fit can be told what to do, and how it reports."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

__all__ = ["Job", "Report"]


class Report(Protocol):
    """What follows a fit; a `Context` is one, and so is what a rank sends to the process that launched it."""

    @property
    def log(self) -> logging.Logger:
        """Where sentences go."""
        ...

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Take how far the fit is."""
        ...

    def metric(self, name: str, value: float, *, step: int | None = None) -> None:
        """Take a number about the fit."""
        ...


@dataclass(frozen=True)
class Job:
    """Everything that one fit depends on, as JSON values."""

    prepared: str
    """Folder of the prepared parts."""

    estimator: str
    """Dotted name of the estimator's class."""

    parameters: Mapping[str, Any]
    """The estimator's fields, as ``model_dump(mode="json")`` gives them."""

    seed: int
    cpus: int
    """Threads that this process may use."""

    output: str
    """Folder for ``weights.safetensors`` and ``history.json``; it is there, and empty."""

    resume: str | None = None
    """Folder that survives a kill, for checkpoints; it need not be there yet."""

    hardware: Mapping[str, Any] = field(default_factory=dict)
    """The resolved hardware: the fields of `mlops_lightning.resolving.Resolved`."""

    def write(self, path: Path) -> None:
        """Write the job as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))
