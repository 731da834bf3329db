from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from mlops.formats.table import Table
from mlops.stage import Context, Place, Stage
from mlops_ray.executor import Ray


class Pure(Stage):
    def run(self, table: Table, *, context: Context) -> Table:
        raise NotImplementedError


class Reads(Pure):
    def sources(self) -> tuple[str, ...]:
        return ("rows.csv",)


class Asks(Pure):
    def volatile(self) -> str:
        return "a database"


class Deploys(Pure):
    def stands(self, made: Mapping[str, Any], place: Place) -> str:
        return ""


@pytest.mark.parametrize("stage", [Pure(), Reads(), Asks()])
def test_with_shared_files_every_pure_stage_may_run_on_any_node(stage: Stage) -> None:
    assert not Ray()._belongs_here(stage)


@pytest.mark.parametrize("stage", [Reads(), Asks()])
def test_without_shared_files_what_reads_outside_stays_here(stage: Stage) -> None:
    assert Ray(address="10.0.0.5:6379")._belongs_here(stage)
    assert not Ray(address="10.0.0.5:6379")._belongs_here(Pure())


@pytest.mark.parametrize("executor", [Ray(), Ray(address="10.0.0.5:6379", shared=True)])
def test_a_stage_with_an_effect_stays_here(executor: Ray) -> None:
    assert executor._belongs_here(Deploys())


def test_files_are_shared_where_ray_was_started_here() -> None:
    assert Ray().shares_files
    assert not Ray(address="10.0.0.5:6379").shares_files
    assert Ray(address="10.0.0.5:6379", shared=True).shares_files


def test_only_a_cluster_that_is_joined_is_elsewhere() -> None:
    assert not Ray().elsewhere()
    assert Ray(address="10.0.0.5:6379").elsewhere()


@pytest.mark.parametrize("address", ["ray://10.0.0.5:10001", "10.0.0.5", "auto"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    with pytest.raises(ValidationError, match="String should match pattern"):
        Ray(address=address)


def test_closing_what_was_never_opened_does_nothing() -> None:
    Ray().close()


def test_naming_the_executor_does_not_import_ray() -> None:
    code = "import sys, mlops_ray.executor; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
