"""GPUs, their driver, and whether the installed torch can use them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from mlops.doctor.distributions import Installed
from mlops.doctor.finding import Finding, ok, warn
from mlops.probes import gpu_facts, gpu_probe

__all__ = ["examine_gpus"]

_TOPIC = "gpu"
_DEVICE = Path("/dev/nvidiactl")


def examine_gpus(installed: Installed) -> Iterator[Finding]:
    """Ask the driver what it lists."""
    tool = shutil.which("nvidia-smi")
    gpus = gpu_facts(gpu_probe()) if tool else []
    for gpu in gpus:
        yield ok(_TOPIC, f"{gpu['name']}, {gpu['memory']}, driver {gpu['driver']}, CUDA {gpu['cuda']}")
    if gpus:
        yield from _torch(installed)
    elif tool:
        fix = "install the driver that fits the kernel, restart, and see that nvidia-smi lists the GPU"
        yield warn(_TOPIC, "nvidia-smi is there but lists no GPU", where=tool, fix=fix)
    elif _DEVICE.exists():
        yield warn(_TOPIC, "there is a GPU's device but no nvidia-smi", where=str(_DEVICE), fix="install nvidia-utils")
    else:
        yield ok(_TOPIC, "no NVIDIA GPU: stages use the CPU")


def _torch(installed: Installed) -> Iterator[Finding]:
    version = installed.versions.get("torch", "")
    if version.endswith("+cpu"):
        fix = "install torch from the index for this CUDA version (https://pytorch.org/get-started)"
        yield warn(_TOPIC, f"torch {version} cannot use the GPU", fix=fix)
