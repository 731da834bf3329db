"""How a network's ONNX graph is compared with the network itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from mlops_lightning.networks.layers import Layer
from mlops_lightning.networks.onnx_nodes import export

Array = np.ndarray[Any, Any]
Compare = Callable[[nn.Module, Array], float]


@pytest.fixture(autouse=True)
def _one_thread_one_seed() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(3)
    yield
    torch.set_num_threads(threads)


def run(graph: bytes, matrix: Array) -> Array:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    found: Array = session.run(["scores"], {"features": matrix.astype(np.float32)})[0]
    return found


def gap(network: nn.Module, matrix: Array) -> float:
    """Largest difference between forward and the emitted graph, relative for values above 1."""
    assert isinstance(network, Layer)
    network.eval()
    with torch.no_grad():
        made: Tensor = network(torch.tensor(matrix, dtype=torch.float32))
    native = made.numpy().reshape(len(matrix), -1)
    width = native.shape[1]
    graph = export(network, lambda nodes, raw: nodes.reshape(raw, -1, width), width=matrix.shape[1], scores=width)
    exported = run(graph, matrix)
    assert exported.shape == native.shape
    assert np.isfinite(native).all()
    return float((abs(exported - native) / abs(native).clip(min=1)).max())


@pytest.fixture
def difference() -> Compare:
    return gap
