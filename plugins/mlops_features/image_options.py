"""What a recipe may say about columns of pictures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Image"]

Side = Annotated[int, Field(ge=1)]


class Image(BaseModel):
    """How pictures become features."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[Side, Side, Side] | None = None
    """Channels, height and width; when not given, the first picture's, flat lists being square and grey."""

    scale: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    """What a full pixel is stored as; ``auto``: 255 for bytes and encoded pictures, else 1."""

    normalize: bool = True
    """Subtract the mean and divide by the deviation of each channel, as train rows have them."""
