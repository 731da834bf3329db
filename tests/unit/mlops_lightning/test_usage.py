from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mlops.stage import Gpu
from mlops.testing import make_context
from mlops_lightning.usage import Usage, has_kernels, parsed_utilisation, usable_gpus, watch


def test_shares_are_read_from_percents() -> None:
    assert parsed_utilisation("87\n0\n100\n") == [0.87, 0.0, 1.0]


@pytest.mark.parametrize("listing", ["", "[N/A]\n", "No devices were found\n"])
def test_a_card_that_does_not_say_gives_nothing(listing: str) -> None:
    assert parsed_utilisation(listing) == []


def test_what_was_seen_becomes_metrics(tmp_path: Path) -> None:
    found: dict[str, float] = {}
    context = make_context(tmp_path, metrics=lambda name, value, step: found.update({name: value}))
    Usage(peak_memory=3 * 2**20, busy=[0.5, 1.0]).record(context)
    assert found == {"gpu_peak_memory_mib": 3.0, "gpu_utilisation": 0.75}


def test_a_cpu_has_nothing_to_say(tmp_path: Path) -> None:
    found: dict[str, float] = {}
    with watch(on_gpu=False) as usage:
        torch.ones(3).sum()
    usage.record(make_context(tmp_path, metrics=lambda name, value, step: found.update({name: value})))
    assert found == {}


@pytest.mark.parametrize(
    ("capability", "runs"),
    [((7, 0), False), ((7, 5), True), ((8, 6), True), ((8, 9), True), ((9, 0), True), ((10, 0), True), ((6, 1), False)],
)
def test_a_card_runs_what_was_built_for_it_or_compiles_it(capability: tuple[int, int], runs: bool) -> None:  # noqa: FBT001 - a case
    assert has_kernels(capability, ["sm_75", "sm_80", "sm_86", "sm_90", "compute_90"]) == runs


def test_code_for_an_older_line_of_cards_is_of_no_use() -> None:
    assert not has_kernels((9, 0), ["sm_75", "sm_80"])
    assert not has_kernels((10, 0), ["sm_90a"])
    assert has_kernels((9, 0), ["sm_90a"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU that torch can use")
def test_what_torch_cannot_use_is_left_out() -> None:
    assert usable_gpus([Gpu("Any", 2**30, (9, 0))]) == ()


def test_where_the_driver_lists_nothing_nothing_is_usable() -> None:
    assert usable_gpus([]) == ()
