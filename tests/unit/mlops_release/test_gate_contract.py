"""Every first-party gate keeps the gates' contract."""

from __future__ import annotations

import pytest

from mlops.plugins import Plugins
from mlops.project import Project
from mlops.services.gate import Gate
from mlops.testing.gate import GateContract
from mlops_release.champion import BeatsChampion
from mlops_release.fairness import Fairness
from mlops_release.latency import Latency
from mlops_release.size import Size
from mlops_release.slices import Slices
from mlops_release.threshold import Threshold


class TestThreshold(GateContract):
    def passes(self) -> Gate:
        return Threshold(metric="brier", most=0.25)

    def fails(self) -> Gate:
        return Threshold(metric="brier", most=0.01)


class TestBeatsChampion(GateContract):
    def passes(self) -> Gate:
        return BeatsChampion(metric="log_loss", margin=0.2, resamples=100)

    def fails(self) -> Gate:
        return BeatsChampion(metric="log_loss", require="better", margin=0.2, resamples=100)


class TestSlices(GateContract):
    def passes(self) -> Gate:
        return Slices(columns=("colour", ("colour", "amount")), metric="brier", most=0.4, support=20)

    def fails(self) -> Gate:
        return Slices(columns=("colour",), metric="brier", gap=0.0, support=50)


class TestFairness(GateContract):
    def passes(self) -> Gate:
        return Fairness(by=("colour",), most=0.5, support=30)

    def fails(self) -> Gate:
        return Fairness(by=("amount",), most=0.1, support=30)


class TestLatency(GateContract):
    def passes(self) -> Gate:
        return Latency(p50=9_000, p99=10_000, rows=20, rounds=1)

    def fails(self) -> Gate:
        return Latency(p99=1e-9, rows=20, rounds=1)


class TestSize(GateContract):
    def passes(self) -> Gate:
        return Size(most="1MB")

    def fails(self) -> Gate:
        return Size(most="10 B")


def test_every_gate_is_held_to_the_contract() -> None:
    tested = {type(case().passes()).__name__ for case in GateContract.__subclasses__() if case.__module__ == __name__}
    installed = {name for name, _ in Plugins(Project.here().plugins).parts(Gate) if name.startswith("mlops_release.")}
    assert {name.rpartition(".")[2] for name in installed} == tested


pytestmark = pytest.mark.filterwarnings("error")
