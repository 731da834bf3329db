"""What the index remembers of a finished stage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops.store.layout import is_digest

__all__ = ["Entry", "OutputRef"]


@dataclass(frozen=True)
class OutputRef:
    """One output of a stage: its name, its format and the digest of its artifact."""

    name: str
    format: str
    digest: str

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        return {"name": self.name, "format": self.format, "digest": self.digest}

    @classmethod
    def from_json(cls, value: Any) -> OutputRef:
        """Read what `to_json` gave; `ValueError` for anything else."""
        table = _mapping(value)
        ref = cls(name=_text(table, "name"), format=_text(table, "format"), digest=_text(table, "digest"))
        if not is_digest(ref.digest):
            raise _alien(f"{ref.digest!r} is not a digest")
        return ref


@dataclass(frozen=True)
class Entry:
    """A finished stage: what it made, when it ran, and what its key was made of."""

    key: str
    stage: str
    target: str
    outputs: tuple[OutputRef, ...]
    run: str
    seconds: float
    peak_memory: int
    """Bytes."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    ingredients: Mapping[str, Any] = field(default_factory=dict)
    """What the key was made of, as JSON values, so that a later plan can say what changed."""

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold; a metric that is not finite becomes a text."""
        return {
            "key": self.key,
            "stage": self.stage,
            "target": self.target,
            "outputs": [ref.to_json() for ref in self.outputs],
            "run": self.run,
            "seconds": self.seconds,
            "peak_memory": self.peak_memory,
            "metrics": {name: value if math.isfinite(value) else str(value) for name, value in self.metrics.items()},
            "ingredients": dict(self.ingredients),
        }

    @classmethod
    def from_json(cls, value: Any) -> Entry:
        """Read what `to_json` gave; `ValueError` for anything else."""
        table = _mapping(value)
        outputs = table.get("outputs")
        if not isinstance(outputs, list):
            raise _alien("outputs is not a list")
        return cls(
            key=_text(table, "key"),
            stage=_text(table, "stage"),
            target=_text(table, "target"),
            outputs=tuple(OutputRef.from_json(item) for item in outputs),
            run=_text(table, "run"),
            seconds=_number(table.get("seconds")),
            peak_memory=_whole(table.get("peak_memory")),
            metrics={name: _number(item) for name, item in _mapping(table.get("metrics")).items()},
            ingredients=_mapping(table.get("ingredients")),
        )


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _alien(f"{value!r} is not a table of values")
    return value


def _text(table: dict[str, Any], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str):
        raise _alien(f"{name} is not a text")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _alien(f"{value!r} is not a number")
    try:
        return float(value)
    except OverflowError as exc:
        raise _alien("a number is too large") from exc


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _alien(f"{value!r} is not a whole number")
    return value


def _alien(what: str) -> ValueError:
    """Make the one error for all that is not as `Entry.to_json` gives it, whatever its type."""
    return ValueError(what)
