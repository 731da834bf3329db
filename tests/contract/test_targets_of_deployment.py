"""The targets that come with mlops hold the contract."""

from __future__ import annotations

from pathlib import Path

from mlops.services.registry import ModelVersion
from mlops.services.target import Strategy, Target
from mlops.testing.target import TargetContract
from mlops_serve.local import Local
from mlops_serve.strategies import Direct
from tests.serving import make_version


class TestLocal(TargetContract):
    def target(self) -> Target:
        return Local(port=0)

    def strategy(self) -> Strategy:
        return Direct()

    def version(self, folder: Path, number: int) -> ModelVersion:
        return make_version(folder, number, factor=float(number))
