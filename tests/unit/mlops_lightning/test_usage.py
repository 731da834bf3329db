from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mlops.testing import make_context
from mlops_lightning.usage import Usage, parsed_utilisation, watch


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


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_cpu_has_nothing_to_say(tmp_path: Path) -> None:
    found: dict[str, float] = {}
    with watch() as usage:
        torch.ones(3).sum()
    usage.record(make_context(tmp_path, metrics=lambda name, value, step: found.update({name: value})))
    assert found == {}
