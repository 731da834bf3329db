"""What a recipe leaves open is shown in the plan with its reason; what cannot be had is a mistake."""

from __future__ import annotations

import pytest

from mlops.machine import gpus
from tests.toy_project import Toy

RECIPE = """
defaults:
  - data: table
  - split: random
  - features: table
  - model: mlp
  - train: default

stages: [data, split, features, train]

data:
  path: data/numbers.csv
  target: value
  task: regression
"""

CPU = ("model.hardware.accelerator=cpu",)


@pytest.fixture
def neural(toy: Toy) -> Toy:
    """A project with a recipe ``neural``."""
    (toy.root / "recipes" / "neural.yaml").write_text(RECIPE)
    return toy


def chosen(neural: Toy, *words: str) -> dict[str, tuple[str, str]]:
    step = neural.plan("recipe=neural", *words)["train"]
    return {item["key"].removeprefix("model."): (item["value"], item["reason"]) for item in step["choices"]}


def test_every_open_value_is_chosen_with_a_reason(neural: Toy) -> None:
    found = chosen(neural, *CPU)
    assert found["hardware.precision"] == ("fp32", "a CPU computes in fp32")
    assert found["hardware.devices"] == ("1", "one process uses all threads of a CPU")
    assert found["batch_size"][0] == "by rows, when they are known"
    assert all(reason for _, reason in found.values())


@pytest.mark.skipif(bool(gpus()), reason="there is a GPU")
def test_why_there_is_no_gpu_is_said(neural: Toy) -> None:
    assert chosen(neural)["hardware.accelerator"] == ("cpu", "the driver lists no GPU")


def test_what_the_recipe_sets_is_not_shown(neural: Toy) -> None:
    found = chosen(neural, *CPU, "model.batch_size=64", "model.hardware.compile=false")
    assert not {"hardware.accelerator", "batch_size", "hardware.compile"} & set(found)


def test_choices_are_a_table_below_the_plan(neural: Toy) -> None:
    told = neural("plan", "recipe=neural", *CPU)
    assert told.code == 0, told.err
    table = told.out.split("\n\n")[1].splitlines()
    assert table[0].split("  ")[0] == "left open"
    rows = [" ".join(line.split()) for line in table]
    assert "train.model.hardware.precision fp32 a CPU computes in fp32" in rows


def test_all_that_cannot_be_had_is_one_report(neural: Toy) -> None:
    told = neural("plan", "recipe=neural", *CPU, "model.hardware.precision=fp16", "model.hardware.strategy=ddp")
    assert told.code == 2
    assert "override 3 on the command line: train.model.hardware.precision: fp16 cannot be had" in told.err
    assert "override 4 on the command line: train.model.hardware.strategy: ddp cannot be had" in told.err
    assert told.err.count("fix: ") == 2


def test_a_check_finds_it_as_well(neural: Toy) -> None:
    told = neural("check", "recipe=neural", *CPU, "model.hardware.precision=fp16")
    assert told.code == 2
    assert "fp16 cannot be had: a CPU has no fp16 arithmetic" in told.err
