"""Every executor that comes with mlops, held to its contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlops.errors import StageError
from mlops.executors.local import Local
from mlops.services.executor import Executor
from mlops.testing.executor import ExecutorContract, Trial
from mlops_ray.executor import Ray


class TestHere(ExecutorContract):
    @classmethod
    def make(cls) -> Executor:
        return Local(cpus=1)


class TestInProcesses(ExecutorContract):
    alone = False

    @classmethod
    def make(cls) -> Executor:
        return Local(cpus=1, parallel=2)

    def test_a_stage_whose_process_dies_is_a_failure(self, executor: Executor, trial: Trial) -> None:
        with pytest.raises(StageError, match="its process ended with code 7"):
            self.run(executor, trial.call(fail="die"))


@pytest.mark.slow
class TestRay(ExecutorContract):
    alone = False

    @classmethod
    def make(cls) -> Executor:
        return Ray(cpus=1)

    def test_a_stage_whose_process_dies_is_a_failure(self, executor: Executor, trial: Trial) -> None:
        with pytest.raises(StageError, match="its process ended with code 7"):
            self.run(executor, trial.call(fail="die"))

    def test_a_node_with_other_libraries_or_code_than_the_key_says_is_refused(
        self, executor: Executor, trial: Trial
    ) -> None:
        call = replace(trial.call(), code={"elsewhere.py": "0"}, libraries={"polars": "0.0.1"})
        with pytest.raises(
            StageError, match=r"polars .* instead of 0\.0\.1; .*another plugins/contract_\w+\.py"
        ) as caught:
            self.run(executor, call)
        assert caught.value.fix == "install the same versions on every node"

    def test_what_no_node_has_is_refused(self, executor: Executor, trial: Trial) -> None:
        with pytest.raises(StageError, match="no node of Ray has 999 CPU"):
            self.run(executor, trial.call(cpus=999))


@pytest.mark.slow
class TestRaySendingFiles(ExecutorContract):
    alone = False
    _home: Path

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def home(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        cls._home = tmp_path_factory.mktemp("node")

    @classmethod
    def make(cls) -> Executor:
        return Ray(cpus=1, shared=False, cache=str(cls._home))

    def test_inputs_stay_on_the_node(self, executor: Executor, trial: Trial) -> None:
        self.run(executor, trial.call("first"))
        before = sorted(self._home.glob("artifacts/*"))
        self.run(executor, trial.call("second"))
        assert before
        assert sorted(self._home.glob("artifacts/*")) == before
        assert not list(self._home.glob("work/*"))
