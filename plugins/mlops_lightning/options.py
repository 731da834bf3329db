"""How a network is trained: every option but the hardware's, flat in the section of the model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["CheckpointRule", "TrainingOptions"]

Share = Annotated[float, Field(ge=0, lt=1)]


class CheckpointRule(BaseModel):
    """When a fit writes down where it is, so that a killed one goes on from there. Any that is due, counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    every_steps: int = Field(default=0, ge=0)
    """After so many optimizer steps; 0 never."""

    every_minutes: float = Field(default=2.0, ge=0)
    """After so many minutes; 0 never."""

    every_epochs: int = Field(default=0, ge=0)
    """After so many epochs; 0 never."""


class TrainingOptions(BaseModel):
    """Optimizer, schedule, stopping, averaging, checkpoints and determinism of a fit."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), defer_build=True)

    epochs: int = Field(default=50, ge=1)
    """Most passes over the training rows."""

    patience: int = Field(default=8, ge=0)
    """Stop when the validation loss has not improved for so many epochs, keep the best; 0 never stops."""

    max_time: float = Field(default=0.0, ge=0)
    """Minutes after which training ends with the best so far; 0 has no limit. The result then depends on speed."""

    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Rows of a step of the optimizer; auto fits it to the rows and the hardware."""

    lr: float = Field(default=1e-3, gt=0)
    """Learning rate at its highest."""

    weight_decay: float = Field(default=1e-2, ge=0)
    """How strongly weights are pulled to 0; biases and normalisation are left alone."""

    optimizer: Literal["adamw", "adam", "nadam", "radam", "rmsprop", "sgd"] = "adamw"
    """The update rule; sgd has Nesterov momentum 0.9."""

    schedule: Literal["constant", "cosine", "linear", "onecycle", "plateau"] = "cosine"
    """How the learning rate falls, step by step; plateau divides it by 10 when validation stalls."""

    warmup: Share = 0.05
    """Share of all steps in which the learning rate rises from 0."""

    clip: float = Field(default=0.0, ge=0)
    """Longest gradient (its norm over all weights); longer ones are shortened to it. 0 never."""

    label_smoothing: Share = 0.0
    """Share of the target's probability that is spread over all classes. No effect on regression."""

    loss: Literal["squared", "absolute", "huber"] = "squared"
    """What regression minimises; absolute and huber heed outliers less. No effect on classes."""

    class_weight: Literal["none", "balanced"] = "none"
    """balanced: all classes weigh the same, however many rows each has. Probabilities then shift."""

    average: Literal["none", "ema", "swa"] = "none"
    """Predict with averaged weights: ema, an exponential moving average; swa, the mean of the last epochs."""

    average_decay: float = Field(default=0.999, gt=0, lt=1)
    """ema: how much of the average each step keeps."""

    average_from: Share = 0.75
    """swa: share of the epochs after which averaging starts."""

    determinism: Literal["strict", "seeded", "fast"] = "seeded"
    """strict: bitwise equal on one kind of machine, at any thread count, slower; seeded: equal at the same
    thread count on a CPU; fast: the quickest kernels, small differences allowed."""

    checkpoint: CheckpointRule = CheckpointRule()
    """When a fit writes down where it is."""
