"""A tree of dicts, lists, numbers and tensors as one safetensors file: nothing in it can run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from mlops.errors import StageError

__all__ = ["decode", "encode"]

_TREE = "tree"


def encode(tree: Any) -> bytes:
    """Write a tree as bytes; the same tree gives the same bytes.

    Raises:
        StageError: something in it is neither data nor a tensor.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_packed(tree, tensors, "checkpoint"))
    return bytes(save(tensors, {_TREE: text}))


def _packed(value: Any, tensors: dict[str, Tensor], place: str) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        name = f"{len(tensors):06d}"
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {"tensor": name}
    if isinstance(value, np.ndarray | np.generic):
        return {"array": _packed(torch.from_numpy(np.array(value)), tensors, place)}
    if isinstance(value, Mapping):
        return {"pairs": [[_packed(k, tensors, place), _packed(v, tensors, f"{place}.{k}")] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_packed(item, tensors, f"{place}.{index}") for index, item in enumerate(value)]}
    raise StageError(
        f"a checkpoint cannot hold a {type(value).__name__}",
        where=place,
        fix="keep numbers, text, lists, dicts and tensors there",
    )


def decode(data: bytes) -> Any:
    """Read what `encode` wrote."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    return _unpacked(json.loads(header["__metadata__"][_TREE]), load(data))


def _unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    (kind, content), *_ = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "array":
        return _unpacked(content, tensors).numpy()
    if kind == "pairs":
        return {_unpacked(k, tensors): _unpacked(v, tensors) for k, v in content}
    items = [_unpacked(item, tensors) for item in content]
    return items if kind == "list" else tuple(items)
