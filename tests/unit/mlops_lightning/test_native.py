from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from mlops.testing.prepared import make_prepared
from mlops_lightning.native import read_native, write_native
from mlops_lightning.statistics import measure


def test_a_network_comes_back_as_it_was_written_and_its_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "regression")
    facts, statistics = prepared.facts, measure(prepared)
    shared = torch.arange(3.0)
    written = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        weights = {"a.weight": shared, "b.weight": shared, "steps": torch.tensor(7)}
        write_native(folder, weights, family="f", parameters={"width": 3}, facts=facts, statistics=statistics)
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]
    found = read_native(tmp_path / "first")
    assert (found.family, found.parameters, found.facts) == ("f", {"width": 3}, facts)
    assert {name: tensor.tolist() for name, tensor in found.weights.items()} == {
        "a.weight": [0.0, 1.0, 2.0],
        "b.weight": [0.0, 1.0, 2.0],
        "steps": 7,
    }
    assert np.array_equal(found.statistics.quantiles, statistics.quantiles)
    assert (found.statistics.mean, found.statistics.cardinality) == (statistics.mean, statistics.cardinality)


def test_the_files_are_plain_tensors_and_json(tmp_path: Path) -> None:
    prepared = make_prepared(tmp_path / "p", "binary")
    facts, statistics = prepared.facts, measure(prepared)
    write_native(tmp_path, {"w": torch.ones(2)}, family="f", parameters={}, facts=facts, statistics=statistics)
    assert "network.w" in load_file(tmp_path / "weights.safetensors")
    assert json.loads((tmp_path / "network.json").read_text())["family"] == "f"
