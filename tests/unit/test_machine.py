from __future__ import annotations

import pytest

from mlops.machine import cores, machine, memory, parsed_gpus, shortage, size
from mlops.stage import Gpu, Resources


def test_sizes_are_read_in_their_units() -> None:
    assert size("4GiB") == 4 * 2**30
    assert size("1.5 MB") == 1_500_000


def test_what_is_no_size_is_refused() -> None:
    with pytest.raises(ValueError, match="'4 apples' is not a size such as 4GiB"):
        size("4 apples")


def test_what_the_machine_has_is_enough() -> None:
    assert shortage(Resources(cpus=cores(), memory="1MiB")) == []


def test_every_shortage_is_named() -> None:
    found = shortage(Resources(cpus=cores() + 1, gpus=99, memory=f"{memory() // 2**30 + 1}GiB"))
    assert [key for key, _ in found] == ["cpus", "gpus", "memory"]
    assert f"asks for {cores() + 1} cores, this machine has {cores()}" in dict(found)["cpus"]


def test_gpus_are_read_from_what_the_driver_prints() -> None:
    listing = "NVIDIA A100-SXM4-80GB, 81920, 8.0\nTesla T4, 15360, 7.5\n"
    assert parsed_gpus(listing) == (
        Gpu("NVIDIA A100-SXM4-80GB", 81920 * 2**20, (8, 0)),
        Gpu("Tesla T4", 15360 * 2**20, (7, 5)),
    )


@pytest.mark.parametrize(
    "listing", ["", "No devices were found\n", "NVIDIA-SMI has failed because it could not reach the driver\n"]
)
def test_no_gpus_are_read_from_anything_else(listing: str) -> None:
    assert parsed_gpus(listing) == ()


def test_the_memory_of_a_card_that_does_not_tell_is_not_known() -> None:
    assert parsed_gpus("NVIDIA GB10, [N/A], 12.1\n") == (Gpu("NVIDIA GB10", 0, (12, 1)),)


def test_a_stage_gets_no_more_threads_than_there_are() -> None:
    assert machine(Resources(), threads=10_000).cpus == cores()
    assert machine(Resources(cpus=1)).cpus == 1
