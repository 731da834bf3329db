"""The image in a row of features: taken out of it, and moved about a little in training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mlops.formats.features import Block, PreparedFacts
from mlops_lightning.networks.columns import span
from mlops_lightning.networks.layers import Finite, Layer
from mlops_lightning.networks.onnx_nodes import Nodes

__all__ = ["Augment", "ImageInput"]


class ImageInput(Layer):
    """(rows, features) → (rows, channels, height, width); what is missing is 0."""

    def __init__(self, facts: PreparedFacts, block: Block) -> None:
        super().__init__()
        self._span = span(facts, block)
        self.shape = block.shape
        self.finite = Finite()

    def forward(self, value: Tensor) -> Tensor:
        """Take the block and lay it out."""
        pixels: Tensor = self.finite(value[:, self._span.start : self._span.stop])
        return pixels.reshape(-1, *self.shape)

    def emit(self, nodes: Nodes, value: str) -> str:
        """Take the block and lay it out."""
        return nodes.reshape(self.finite.emit(nodes, nodes.columns(value, self._span)), -1, *self.shape)


class Augment(Layer):
    """Moves and mirrors each image by chance, in training only: (rows, channels, height, width)."""

    def __init__(self, *, shift: int, flip: bool) -> None:
        super().__init__()
        self._shift = shift
        self._flip = flip

    def forward(self, value: Tensor) -> Tensor:
        """Draw from the generator of the images' device."""
        if not self.training:
            return value
        if self._flip:
            mirrored = torch.rand(len(value), 1, 1, 1, device=value.device) < 0.5  # noqa: PLR2004 - every other one
            value = torch.where(mirrored, value.flip(-1), value)
        return self._moved(value) if self._shift else value

    def emit(self, nodes: Nodes, value: str) -> str:  # noqa: ARG002 - nothing to add
        """Nothing: it does nothing in evaluation."""
        return value

    def _moved(self, value: Tensor) -> Tensor:
        """Cut each image out of a larger one that is padded with 0, the frame at a place of its own."""
        rows, channels, height, width = value.shape
        padded = functional.pad(value, [self._shift] * 4)
        up, left = torch.randint(0, 2 * self._shift + 1, (2, rows, 1), device=value.device)
        lines = (up + torch.arange(height, device=value.device))[:, None, :, None]
        places = (left + torch.arange(width, device=value.device))[:, None, None, :]
        image = torch.arange(rows, device=value.device)[:, None, None, None]
        channel = torch.arange(channels, device=value.device)[None, :, None, None]
        return padded[image, channel, lines, places]
