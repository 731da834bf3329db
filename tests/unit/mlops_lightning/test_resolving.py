from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops.errors import StageError
from mlops.stage import Choice, Gpu, Machine
from mlops_lightning.hardware import Hardware
from mlops_lightning.resolving import Resolved, resolve

GIB = 2**30
CPU = Machine(cpus=4, memory=16 * GIB)
A100 = Gpu("NVIDIA A100", 80 * GIB, (8, 0))
T4 = Gpu("Tesla T4", 16 * GIB, (7, 5))
P100 = Gpu("Tesla P100", 16 * GIB, (6, 0))


def on(*gpus: Gpu) -> Machine:
    return Machine(cpus=4, memory=64 * GIB, gpus=gpus)


def resolved(machine: Machine, *, rows: int = 10_000, width: int = 20, **options: Any) -> Resolved:
    batch_size = options.pop("batch_size", "auto")
    epochs = options.pop("epochs", 10)
    made = Hardware.model_validate(options)
    return resolve(made, machine, rows=rows, width=width, batch_size=batch_size, epochs=epochs, usable=True)


def planned(machine: Machine, *, usable: bool = True, **options: Any) -> dict[str, Choice]:
    made = Hardware.model_validate(options)
    found = resolve(made, machine, rows=None, width=None, batch_size="auto", usable=usable)
    return {choice.key.removeprefix("hardware."): choice for choice in found.choices}


def test_a_machine_without_a_gpu_trains_on_its_cpu() -> None:
    made = resolved(CPU)
    assert (made.accelerator, made.devices, made.precision, made.strategy) == ("cpu", 1, "fp32", "single")
    assert (made.workers, made.compile, made.data, made.accumulate) == (0, False, "device", 1)


@pytest.mark.parametrize(("gpu", "precision"), [(A100, "bf16"), (T4, "fp16"), (P100, "fp32")])
def test_precision_follows_what_the_card_computes_in(gpu: Gpu, precision: str) -> None:
    assert resolved(on(gpu)).precision == precision


def test_the_weakest_card_decides_the_precision() -> None:
    assert resolved(on(A100, T4)).precision == "fp16"


def test_several_gpus_train_together() -> None:
    made = resolved(on(A100, A100))
    assert (made.devices, made.strategy) == (2, "ddp")


def test_a_single_process_takes_one_of_several_gpus() -> None:
    assert resolved(on(A100, A100), strategy="single").devices == 1


def test_fsdp_only_when_asked() -> None:
    assert resolved(on(A100, A100), strategy="fsdp").strategy == "fsdp"


def test_fsdp_works_on_a_cpu_and_computes_in_what_it_can() -> None:
    assert resolved(CPU, strategy="fsdp", devices=2).strategy == "fsdp"
    assert resolved(on(A100, A100), strategy="fsdp").precision == "bf16"
    assert resolved(on(T4, T4), strategy="fsdp").precision == "fp32"


def test_a_gpu_that_torch_cannot_use_is_left_alone_and_named() -> None:
    choice = planned(on(A100), usable=False)["accelerator"]
    assert choice == Choice(
        "hardware.accelerator", "cpu", "NVIDIA A100 is there, but the installed torch cannot use it"
    )


@pytest.mark.parametrize(("rows", "batch"), [(100, 64), (10_000, 128), (50_000, 512), (280_000, 2048), (10**8, 4096)])
def test_batches_grow_with_the_rows(rows: int, batch: int) -> None:
    assert resolved(CPU, rows=rows).batch_size == batch


def test_batches_are_larger_on_a_gpu() -> None:
    assert resolved(on(A100), rows=280_000).batch_size == 4 * resolved(CPU, rows=280_000).batch_size


def test_a_chosen_batch_divides_among_the_devices() -> None:
    assert resolved(on(A100, A100, A100)).batch_size % 3 == 0


def test_compiling_waits_for_a_long_fit_on_a_gpu() -> None:
    assert not resolved(on(A100), rows=10_000).compile
    assert resolved(on(A100), rows=10_000_000, epochs=100).compile
    assert not resolved(on(P100), rows=10_000_000, epochs=100).compile
    assert not resolved(CPU, rows=10_000_000, epochs=100).compile


def test_rows_stay_where_they_fit() -> None:
    gpu = on(Gpu("small", 4 * GIB, (8, 0)))
    assert resolved(gpu, rows=2**20, width=256).data == "device"
    assert resolved(gpu, rows=2**20, width=1024).data == "memory"
    assert resolved(gpu, rows=2**24, width=1024).data == "stream"


def test_where_memory_is_not_known_little_is_assumed() -> None:
    assert resolved(Machine(), rows=2**20, width=128).data == "device"
    assert resolved(Machine(), rows=2**20, width=512).data == "stream"


@pytest.mark.parametrize(
    ("machine", "options", "told"),
    [
        (CPU, {"accelerator": "gpu"}, "hardware.accelerator: gpu: the driver lists no GPU"),
        (on(A100), {"devices": 2}, "hardware.devices: 2: the stage may use 1 of this machine's GPUs"),
        (on(T4), {"precision": "bf16"}, "bf16 needs compute capability 8.0, Tesla T4 has compute capability 7.5"),
        (CPU, {"precision": "fp16"}, "a CPU has no fp16 arithmetic"),
        (CPU, {"strategy": "ddp"}, "it is for several devices, and there is one"),
        (on(A100, A100), {"strategy": "single", "devices": 2}, "a single process cannot use 2 devices"),
        (on(T4, T4), {"strategy": "fsdp", "precision": "fp16"}, "fsdp computes in bf16 or fp32"),
        (on(P100), {"compile": True}, "compiling needs compute capability 7.0"),
    ],
)
def test_what_cannot_be_had_is_refused_with_a_fix(machine: Machine, options: dict[str, Any], told: str) -> None:
    with pytest.raises(StageError, match=told) as caught:
        resolved(machine, **options)
    assert caught.value.fix


def test_rows_that_cannot_fit_are_refused() -> None:
    with pytest.raises(StageError, match=r"the rows take 64.0 GiB, there are 16.0 GiB"):
        resolved(CPU, rows=2**24, width=1024, data="memory")


def test_when_planning_what_cannot_be_had_is_a_choice_with_a_fix() -> None:
    choice = planned(CPU, accelerator="gpu")["accelerator"]
    assert choice.fix == "set hardware.accelerator: auto, or run where a GPU is"


def test_when_planning_what_depends_on_rows_is_said_to() -> None:
    found = planned(on(A100))
    late = {key for key, choice in found.items() if choice.value == "by rows, when they are known"}
    assert late == {"batch_size", "compile", "data"}


def test_every_open_value_is_shown_with_a_reason() -> None:
    found = planned(CPU)
    assert set(found) == {*Hardware.model_fields, "batch_size"} - {"nodes"}
    assert all(choice.reason for choice in found.values())


def test_what_the_recipe_sets_is_not_shown() -> None:
    options = {"accelerator": "cpu", "devices": 1, "precision": "fp32", "strategy": "single"}
    options |= {"accumulate": 1, "workers": 0, "compile": False, "data": "memory"}
    made = Hardware.model_validate(options)
    assert resolve(made, CPU, rows=100, width=2, batch_size=32).choices == ()


@given(batch=st.integers(1, 5000), devices=st.integers(1, 8), accumulate=st.integers(1, 64))
def test_passes_of_all_devices_hold_the_batch(batch: int, devices: int, accumulate: int) -> None:
    made = resolved(CPU, batch_size=batch, devices=devices, accumulate=accumulate)
    passes = devices * accumulate
    assert made.micro_batch * passes >= batch > (made.micro_batch - 1) * passes


def test_it_travels_as_json() -> None:
    made = resolved(on(A100, A100))
    assert Resolved.from_json(json.loads(json.dumps(made.to_json()))) == made
