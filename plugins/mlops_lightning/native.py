"""A fitted network on disk: tensors as safetensors, all else as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from mlops.formats.artifact import write_json
from mlops.formats.features import PreparedFacts
from mlops_lightning.estimator import Statistics

__all__ = ["Native", "read_native", "write_native"]

_NETWORK, _STATISTICS = "network.", "statistics."
_ARRAYS = ("quantiles", "means", "deviations")


@dataclass(frozen=True)
class Native:
    """What `write_native` wrote."""

    family: str
    parameters: Mapping[str, Any]
    facts: PreparedFacts
    statistics: Statistics
    weights: Mapping[str, Tensor]


def write_native(
    folder: Path,
    weights: Mapping[str, Tensor],
    *,
    family: str,
    parameters: Mapping[str, Any],
    facts: PreparedFacts,
    statistics: Statistics,
) -> None:
    """Write ``weights.safetensors`` (weights and arrays of the statistics) and ``network.json``."""
    # Cloned: two names of one tensor are refused.
    tensors = {f"{_NETWORK}{name}": tensor.detach().cpu().clone().contiguous() for name, tensor in weights.items()}
    tensors |= {f"{_STATISTICS}{name}": torch.from_numpy(getattr(statistics, name).copy()) for name in _ARRAYS}
    (folder / "weights.safetensors").write_bytes(save(tensors))
    numbers = {name: getattr(statistics, name) for name in ("rows", "cardinality", "mean", "deviation")}
    described = {
        "family": family,
        "parameters": dict(parameters),
        "facts": facts.model_dump(mode="json"),
        "statistics": numbers,
    }
    write_json(folder / "network.json", described)


def read_native(folder: Path) -> Native:
    """Read it back; nothing in it is run."""
    described = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    tensors = load((folder / "weights.safetensors").read_bytes())
    arrays = {name: tensors[f"{_STATISTICS}{name}"].numpy() for name in _ARRAYS}
    numbers = described["statistics"]
    return Native(
        family=described["family"],
        parameters=described["parameters"],
        facts=PreparedFacts.model_validate(described["facts"]),
        statistics=Statistics(**{**numbers, "cardinality": tuple(numbers["cardinality"])}, **arrays),
        weights={name.removeprefix(_NETWORK): tensor for name, tensor in tensors.items() if name.startswith(_NETWORK)},
    )
