"""A user's own module as an ONNX graph, traced by torch's exporter."""

from __future__ import annotations

import logging
from typing import Any

import torch
from onnx import ModelProto, checker
from torch import Tensor, nn

from mlops.errors import StageError
from mlops_lightning.losses import scores_of
from mlops_lightning.native import Native
from mlops_lightning.quiet import quiet

__all__ = ["export_traced"]

_OPSET, _IR = 18, 10
_ROWS = 2
"""Rows of the example that is traced; one would be taken for a constant."""


def export_traced(network: nn.Module, native: Native) -> bytes:
    """Trace a module and write it as a graph from features to scores; equal weights give equal bytes.

    Raises:
        StageError: the exporter cannot write it, as when ``forward`` depends on values in Python.
    """
    example = torch.zeros(_ROWS, len(native.facts.features))
    try:
        with quiet(logging.getLogger("mlops.export")), torch.inference_mode(mode=False):
            program: Any = torch.onnx.export(
                _Scores(network, native).eval(),
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=_OPSET,
                input_names=["features"],
                output_names=["scores"],
                dynamic_shapes=({0: torch.export.Dim("rows")},),
            )
    except Exception as exc:  # torch's exporter raises errors of many kinds
        raise StageError(
            f"the module cannot be exported to ONNX: {str(exc).splitlines()[0]}",
            fix="forward(features) must be plain tensor operations that do not depend on the number of rows",
        ) from exc
    return _bare(program.model_proto)


class _Scores(nn.Module):
    """From features to scores, as `FittedNetwork.predict` gives them."""

    def __init__(self, network: nn.Module, native: Native) -> None:
        super().__init__()
        self.network = network
        self._task = native.facts.task
        self._scale = (native.statistics.deviation, native.statistics.mean)

    def forward(self, features: Tensor) -> Tensor:
        found = scores_of(self.network(features), self._task)
        deviation, mean = self._scale
        return (found if self._task != "regression" else found * deviation + mean).float()


def _bare(model: ModelProto) -> bytes:
    """Drop what the exporter notes down of source files and their places."""
    model.ir_version = min(model.ir_version, _IR)
    model.producer_name, model.producer_version = "mlops", ""
    del model.metadata_props[:]
    graph = model.graph
    del graph.metadata_props[:]
    graph.doc_string = ""
    for item in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del item.metadata_props[:]
        item.doc_string = ""
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))
