"""What a recipe may say about the hardware of a fit: the section ``hardware`` of a neural model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Accelerator", "Data", "Hardware", "Precision", "Strategy"]

Accelerator = Literal["cpu", "gpu"]
Precision = Literal["fp32", "bf16", "fp16"]
Strategy = Literal["single", "ddp", "fsdp"]
Data = Literal["device", "memory", "stream"]
Auto = Literal["auto"]


class Hardware(BaseModel):
    """What a fit may use; ``auto`` is chosen from what the machine has, and ``mlops plan`` says why."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    accelerator: Accelerator | Auto = "auto"
    """gpu: an NVIDIA card. auto takes one when the driver lists it and the installed torch can use it."""

    devices: Annotated[int, Field(ge=1)] | Auto = "auto"
    """GPUs, or processes on a CPU, that share the rows of each step. auto: all GPUs that ``resources.gpus`` of the
    section allows, one process on a CPU."""

    precision: Precision | Auto = "auto"
    """Arithmetic of the network: bf16 and fp16 are mixed, the weights stay fp32. auto: bf16 from compute capability
    8.0 on, fp16 on 7.x, else fp32."""

    strategy: Strategy | Auto = "auto"
    """How several devices work together: ddp keeps the whole network on each, fsdp a part of it on each (for networks
    too large for one card). auto: ddp when there are several."""

    accumulate: Annotated[int, Field(ge=1)] | Auto = "auto"
    """Passes whose gradients are added up before each step, so that less memory is needed; a step still takes
    ``batch_size`` rows. auto: 1, and twice as many each time memory runs out."""

    workers: Annotated[int, Field(ge=0)] | Auto = "auto"
    """Processes that prepare batches. auto: 0, as rows are sliced from memory or read ahead by a thread."""

    compile: bool | Auto = "auto"
    """Compile the network. auto: only on a GPU of compute capability 7.0 on, when the fit has steps enough to win the
    time back."""

    data: Data | Auto = "auto"
    """Where the rows are: device, all in the memory of the device; memory, all in main memory; stream, read from the
    Parquet file ahead of use. auto: device when they take at most a quarter of its memory."""

    nodes: Literal[1] = 1
    """Machines that train together; one."""
