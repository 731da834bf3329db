from __future__ import annotations

import pytest

from mlops.machine import cores, memory, shortage, size
from mlops.stage import Resources


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
