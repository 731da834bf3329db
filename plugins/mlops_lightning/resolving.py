"""Choose what a recipe left open about the hardware of a fit, and say why. Light: it is called when planning."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Self

from mlops.errors import StageError
from mlops.stage import Choice, Machine
from mlops_lightning.hardware import Accelerator, Data, Hardware, Precision, Strategy

__all__ = ["Resolved", "resolve", "torch_has_cuda"]

Rows = int | Literal["auto"]

_LIGHTNING: Mapping[Precision, str] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
_SMALLEST_BATCH, _LARGEST_BATCH = 64, 4096
_GPU_FACTOR = 4
"""A GPU is idle between small steps; so much larger are its batches."""

_BF16, _FP16 = 8, 7
"""First number of the compute capability from which on a card has tensor cores for that arithmetic."""

_STEPS_WORTH_COMPILING = 20_000
_SHARE = 4
"""The matrix may take one part in so many of the device's memory; the rest is the network's."""

_ASSUMED = 4 * 2**30
"""Memory of a device or machine that does not tell its own."""

_LATER = "by rows, when they are known"


@dataclass(frozen=True)
class Resolved:
    """The hardware of a fit, all chosen. JSON values, so that every process of the fit can be told."""

    accelerator: Accelerator
    devices: int
    precision: Precision
    strategy: Strategy
    batch_size: int
    """Rows of a step of the optimizer, over all devices; 0 when it depends on rows that are not known yet."""

    accumulate: int
    """Passes whose gradients are added up in a step, on each device."""

    workers: int
    compile: bool
    data: Data
    choices: tuple[Choice, ...] = ()

    @property
    def lightning_precision(self) -> str:
        """What Lightning's Trainer calls the precision."""
        return _LIGHTNING[self.precision]

    @property
    def micro_batch(self) -> int:
        """Most rows that one device takes through the network at once."""
        return math.ceil(self.batch_size / (self.devices * self.accumulate))

    def to_json(self) -> dict[str, Any]:
        """Give the fields as JSON values."""
        return {**asdict(self), "choices": [asdict(choice) for choice in self.choices]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(**{**values, "choices": tuple(Choice(**choice) for choice in values.get("choices", ()))})


def resolve(  # noqa: PLR0913 - facts about one fit, all but two by name
    options: Hardware,
    machine: Machine,
    *,
    rows: int | None,
    width: int | None,
    batch_size: Rows,
    epochs: int | None = None,
    usable: bool | None = None,
) -> Resolved:
    """Choose every value that is ``auto``, each with its reason.

    When planning, rows are not known (None): what depends on them is shown as chosen later, and an
    explicit value that cannot be had is a choice with a ``fix``, which makes it a mistake of the
    recipe.

    Args:
        options: the recipe's ``hardware``.
        machine: what is there.
        rows: rows of the train part.
        width: features of a row, each of 4 bytes.
        batch_size: the recipe's.
        epochs: most passes over the rows.
        usable: whether torch can use the GPUs, where that is known; else judged by how it was built.

    Raises:
        StageError: rows are known, and something that the recipe asks for cannot be had.
    """
    usable = torch_has_cuda() if usable is None and machine.gpus else bool(usable)
    resolver = _Resolver(options, machine, rows, width, batch_size, epochs, usable)
    resolved = resolver.resolved()
    impossible = [choice for choice in resolved.choices if choice.fix]
    if impossible and rows is not None:
        told = "; ".join(f"{choice.key}: {choice.value}: {choice.reason}" for choice in impossible)
        raise StageError(told, fix="; ".join(choice.fix for choice in impossible))
    return resolved


def torch_has_cuda() -> bool:
    """Say whether the installed torch was built for NVIDIA cards, without importing it."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    return any((Path(spec.origin).parent / "lib").glob("*torch_cuda*"))


@dataclass
class _Resolver:
    """Makes the choices one after another; each may lean on those before it."""

    options: Hardware
    machine: Machine
    rows: int | None
    width: int | None
    asked_batch: Rows
    epochs: int | None
    usable: bool
    choices: list[Choice] = field(default_factory=list)

    def resolved(self) -> Resolved:
        made = Resolved(
            accelerator=self.accelerator,
            devices=self.devices,
            precision=self.precision(),
            strategy=self.strategy(),
            batch_size=self.batch_size,
            accumulate=self.accumulate(),
            workers=self.workers(),
            compile=self.compile(),
            data=self.data(),
        )
        return replace(made, choices=tuple(self.choices))

    def choose(self, key: str, value: Any, reason: str) -> None:
        shown = {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
        self.choices.append(Choice(key, str(shown), reason))

    def refuse(self, key: str, value: Any, reason: str, *, fix: str) -> None:
        self.choices.append(Choice(f"hardware.{key}", str(value).lower(), reason, fix))

    @cached_property
    def no_gpu(self) -> str:
        """Why there is no GPU to use; empty when there is one."""
        if not self.machine.gpus:
            return "the driver lists no GPU"
        return "" if self.usable else f"{self.card} is there, but the installed torch cannot use it"

    @property
    def card(self) -> str:
        return self.machine.gpus[0].name

    @property
    def capability(self) -> tuple[int, int]:
        """The least of all cards, as one precision and one kernel serve them all."""
        return min((gpu.capability for gpu in self.machine.gpus), default=(0, 0))

    @property
    def on_gpu(self) -> bool:
        return self.accelerator == "gpu"

    @cached_property
    def accelerator(self) -> Accelerator:
        asked = self.options.accelerator
        if asked == "gpu" and self.no_gpu:
            self.refuse("accelerator", asked, self.no_gpu, fix="set hardware.accelerator: auto, or run where a GPU is")
        if asked != "auto":
            return asked
        if self.no_gpu:
            self.choose("hardware.accelerator", "cpu", self.no_gpu)
            return "cpu"
        memory = _bytes(self.machine.gpus[0].memory)
        self.choose("hardware.accelerator", "gpu", f"{self.card}, {memory}, {_capable(self.capability)}")
        return "gpu"

    @cached_property
    def devices(self) -> int:
        asked, there = self.options.devices, len(self.machine.gpus)
        if asked == "auto":
            return self.chosen_devices(there)
        if self.on_gpu and asked > there and not self.no_gpu:
            fix = f"set hardware.devices: {there} or auto, or raise resources.gpus"
            self.refuse("devices", asked, f"the stage may use {there} of this machine's GPUs", fix=fix)
        return asked

    def chosen_devices(self, there: int) -> int:
        several = there > 1 and self.on_gpu and self.options.strategy != "single"
        if several:
            self.choose("hardware.devices", there, "all GPUs that resources.gpus allows")
        elif self.on_gpu:
            self.choose("hardware.devices", 1, "strategy is single" if there > 1 else "there is one GPU")
        else:
            self.choose("hardware.devices", 1, "one process uses all threads of a CPU")
        return there if several else 1

    def precision(self) -> Precision:
        asked = self.options.precision
        major, gpu = self.capability[0], self.on_gpu
        if asked == "fp16" and not gpu:
            self.refuse("precision", asked, "a CPU has no fp16 arithmetic", fix="set hardware.precision: auto")
        if asked == "bf16" and gpu and major < _BF16 and not self.no_gpu:
            reason = f"bf16 needs compute capability 8.0, {self.card} has {_capable(self.capability)}"
            self.refuse("precision", asked, reason, fix="set hardware.precision: auto")
        if asked == "fp16" and self.options.strategy == "fsdp":
            self.refuse("precision", asked, "fsdp computes in bf16 or fp32", fix="set hardware.precision: auto")
        if asked != "auto":
            return asked
        return self.chosen_precision(major if gpu else 0)

    def chosen_precision(self, major: int) -> Precision:
        scaled = major >= _FP16 and self.options.strategy != "fsdp"
        chosen: Precision = "bf16" if major >= _BF16 else "fp16" if scaled else "fp32"
        reasons = {
            "bf16": f"{_capable(self.capability)} computes in bf16",
            "fp16": f"{_capable(self.capability)} computes in fp16, not in bf16",
            "fp32": f"{_capable(self.capability)} gains nothing from less" if self.on_gpu else "a CPU computes in fp32",
        }
        if major >= _FP16 and chosen == "fp32":
            reasons["fp32"] = f"{_capable(self.capability)} does not compute in bf16, fsdp not in fp16"
        self.choose("hardware.precision", chosen, reasons[chosen])
        return chosen

    def strategy(self) -> Strategy:
        asked, several = self.options.strategy, self.devices > 1
        if asked == "auto":
            self.choose("hardware.strategy", "ddp" if several else "single", _working(self.devices))
            return "ddp" if several else "single"
        if asked == "single" and several:
            reason = f"a single process cannot use {self.devices} devices"
            self.refuse("strategy", asked, reason, fix="set hardware.strategy: auto or hardware.devices: 1")
        elif asked != "single" and not several:
            fix = "set hardware.strategy: auto or hardware.devices: 2"
            self.refuse("strategy", asked, "it is for several devices, and there is one", fix=fix)
        return asked

    @cached_property
    def batch_size(self) -> int:
        if self.asked_batch != "auto":
            return self.asked_batch
        low, high = _SMALLEST_BATCH, _LARGEST_BATCH
        scale = 100
        if self.on_gpu:
            low, high, scale = low * _GPU_FACTOR, high * _GPU_FACTOR, scale // _GPU_FACTOR
        rule = f"a power of two near rows / {scale}, from {low:,} to {high:,}"
        if self.rows is None:
            self.choose("batch_size", _LATER, rule)
            return 0
        size = min(max(1 << round(math.log2(max(1, self.rows / scale))), low), high)
        size = math.ceil(size / self.devices) * self.devices
        self.choose("batch_size", size, f"{self.rows:,} rows: {rule}")
        return size

    def accumulate(self) -> int:
        asked = self.options.accumulate
        if asked == "auto":
            self.choose("hardware.accumulate", 1, "doubled each time memory runs out")
            return 1
        return asked

    def workers(self) -> int:
        if self.options.workers != "auto":
            return self.options.workers
        self.choose("hardware.workers", 0, "slicing rows needs no process of its own")
        return 0

    def compile(self) -> bool:
        asked = self.options.compile
        why_not = self.cannot_compile()
        if asked is True and why_not:
            self.refuse("compile", asked, why_not, fix="set hardware.compile: auto")
        if asked != "auto":
            return asked
        if not self.on_gpu:
            self.choose("hardware.compile", False, "on a CPU compiling costs more than it gains")
            return False
        if why_not:
            self.choose("hardware.compile", False, why_not)
            return False
        return self.worth_compiling()

    def cannot_compile(self) -> str:
        if self.on_gpu and not self.no_gpu and self.capability[0] < _FP16:
            return f"compiling needs compute capability 7.0, {self.card} has {_capable(self.capability)}"
        if not self.on_gpu and not any(map(shutil.which, ("c++", "g++", "clang++"))):
            return "compiling for a CPU needs a C++ compiler, and there is none"
        return ""

    def worth_compiling(self) -> bool:
        rule = f"worth its time from {_STEPS_WORTH_COMPILING:,} steps on"
        if self.rows is None or self.epochs is None:
            self.choose("hardware.compile", _LATER, rule)
            return False
        steps = math.ceil(self.rows / self.batch_size) * self.epochs
        chosen = steps >= _STEPS_WORTH_COMPILING
        self.choose("hardware.compile", chosen, f"at most {steps:,} steps: {rule}")
        return chosen

    def data(self) -> Data:
        asked = self.options.data
        if asked == "auto":
            return self.chosen_data()
        if asked != "stream" and self.size is not None:
            place = "gpu" if asked == "device" and self.on_gpu else "main"
            room = dict(self.rooms())[place]
            if room and self.size > room:
                reason = f"the rows take {_bytes(self.size)}, there are {_bytes(room)}"
                self.refuse("data", asked, reason, fix="set hardware.data: auto")
        return asked

    def chosen_data(self) -> Data:
        if self.size is None:
            self.choose("hardware.data", _LATER, f"device when they take at most 1/{_SHARE} of its memory")
            return "device"
        words = {"gpu": "the GPU's memory", "main": "main memory"}
        for place, room in self.rooms():
            least = f"{words[place]} ({_bytes(room)})" if room else f"the {_bytes(_ASSUMED)} assumed of {words[place]}"
            if self.size <= (room or _ASSUMED) / _SHARE:
                chosen: Data = "device" if place == "gpu" or not self.on_gpu else "memory"
                self.choose("hardware.data", chosen, f"{_bytes(self.size)} of rows, at most 1/{_SHARE} of {least}")
                return chosen
        self.choose("hardware.data", "stream", f"{_bytes(self.size)} of rows, more than 1/{_SHARE} of {least}")
        return "stream"

    def rooms(self) -> Iterator[tuple[str, int]]:
        """Places for all rows, the best first, and their bytes (0 when not known)."""
        if self.on_gpu:
            yield "gpu", min((gpu.memory for gpu in self.machine.gpus), default=0)
        yield "main", self.machine.memory

    @property
    def size(self) -> int | None:
        """Bytes of all rows as float32."""
        return None if self.rows is None or self.width is None else 4 * self.rows * self.width


def _working(devices: int) -> str:
    return f"each of {devices} devices takes its share of every step" if devices > 1 else "there is one device"


def _capable(capability: tuple[int, int]) -> str:
    return f"compute capability {capability[0]}.{capability[1]}"


def _bytes(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if count >= size / 10:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1024:.1f} KiB"
