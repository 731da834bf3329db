"""Models joined into one: their graphs and weights, and the mean of what they predict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from mlops.formats.artifact import write_json
from mlops.formats.model import Fitted

__all__ = ["FittedEnsemble", "Member", "averaged"]

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Member:
    """One model of an ensemble."""

    graph: bytes
    """ONNX: ``features`` → ``scores``."""

    weight: float
    native: Fitted | None = None
    """What was exported, while it is still there; it predicts in double precision."""


@dataclass(frozen=True)
class FittedEnsemble(Fitted):
    """``ensemble.json`` and ``member_0.onnx`` …; loaded, it predicts by its members' graphs."""

    members: tuple[Member, ...]
    features: int
    """Columns of the matrix."""

    width: int
    """Columns of the scores."""

    weighed: Mapping[str, float] = field(default_factory=dict)
    """Feature → importance, when the members know it."""

    cpus: int = 1

    def predict(self, matrix: np.ndarray[Any, np.dtype[np.float32]]) -> Array:
        """Average the members' scores by their weights."""
        made = [member.weight * self._scores(member, matrix) for member in self.members]
        total: Array = np.sum(made, axis=0, dtype=np.float64)
        return total

    def _scores(self, member: Member, matrix: np.ndarray[Any, np.dtype[np.float32]]) -> Array:
        if member.native is not None:
            return member.native.predict(matrix)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.cpus
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(member.graph, options, providers=["CPUExecutionProvider"])
        found: Array = session.run(["scores"], {"features": matrix})[0].astype(np.float64)
        return found

    def save(self, folder: Path) -> None:
        """Write the graphs and the weights."""
        for index, member in enumerate(self.members):
            (folder / f"member_{index}.onnx").write_bytes(member.graph)
        weights = [member.weight for member in self.members]
        facts = {"weights": weights, "features": self.features, "width": self.width, "importances": dict(self.weighed)}
        write_json(folder / "ensemble.json", facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the graphs and the weights."""
        facts = json.loads((folder / "ensemble.json").read_bytes())
        members = tuple(
            Member((folder / f"member_{index}.onnx").read_bytes(), weight)
            for index, weight in enumerate(facts["weights"])
        )
        return cls(members, facts["features"], facts["width"], facts["importances"])

    def onnx(self) -> bytes:
        """Join the members' graphs."""
        from mlops_ensemble.export import joined

        weights = [member.weight for member in self.members]
        return joined([member.graph for member in self.members], weights, width=self.width, features=self.features)

    def importances(self) -> Mapping[str, float]:
        """Average those of the members."""
        return self.weighed


def averaged(found: Sequence[Mapping[str, float]], weights: Sequence[float]) -> dict[str, float]:
    """Average importances, each model's brought to sum 1, over the models that know theirs."""
    known = [(item, weight) for item, weight in zip(found, weights, strict=True) if item]
    total = sum(weight for _, weight in known)
    made: dict[str, float] = {}
    for item, weight in known:
        whole = sum(item.values()) or 1.0
        for name, value in item.items():
            made[name] = made.get(name, 0.0) + weight / total * value / whole
    return made
