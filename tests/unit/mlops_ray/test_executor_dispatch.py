from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlops.errors import StageError
from mlops.formats.table import Table
from mlops.services.executor import Call
from mlops.stage import Context, Resources, Stage
from mlops_ray.executor_dispatch import _bytes, _lines, _options, _refuse_impossible


class Pure(Stage):
    def run(self, *, context: Context) -> Table:
        raise NotImplementedError


def call(folder: Path, *, cpus: int = 1, **asked: Any) -> Call:
    context = Context(folder=folder, cpus=cpus)
    return Call(Pure(), "x.Pure", {}, {}, {}, context, folder, resources=Resources(**asked))


@pytest.mark.parametrize(("text", "expected"), [("4GiB", 4 * 2**30), ("1.5 GB", 1_500_000_000), (None, None)])
def test_memory_is_read_in_bytes(text: str | None, expected: int | None) -> None:
    assert _bytes(text) == expected


def test_a_task_asks_for_what_the_section_says(tmp_path: Path) -> None:
    found = _options(call(tmp_path, cpus=3, gpus=1, memory="2GiB"))
    assert (found["num_cpus"], found["num_gpus"], found["memory"]) == (3, 1, 2 * 2**30)


def test_a_node_that_is_large_enough_will_do(tmp_path: Path) -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": 1.0}}, {"Alive": True, "Resources": {"CPU": 4.0, "memory": 1e12}}]
    _refuse_impossible(call(tmp_path, cpus=4, memory="2GiB"), nodes)


def test_dead_nodes_and_sums_of_small_ones_do_not_count(tmp_path: Path) -> None:
    small = {"Alive": True, "Resources": {"CPU": 2.0}}
    with pytest.raises(
        StageError, match="no node of Ray has 4 CPU; there are: 2 CPU, 0 GPU, 0 memory; 2 CPU"
    ) as caught:
        _refuse_impossible(call(tmp_path, cpus=4), [small, small, {"Alive": False, "Resources": {"CPU": 64.0}}])
    assert "executor.cpus" in caught.value.fix


def test_files_are_written_where_they_belong_and_lines_passed_on(tmp_path: Path) -> None:
    stream = [("says", ["1", "2"]), ("file", "out/a"), ("piece", b"x"), ("piece", b"y"), ("file", "b"), ("says", ["3"])]
    assert list(_lines(stream, call(tmp_path), get=lambda message: message)) == ["1", "2", "3"]
    assert (tmp_path / "out" / "a").read_bytes() == b"xy"
    assert (tmp_path / "b").read_bytes() == b""


def test_a_node_cannot_write_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="leads out"):
        list(_lines([("file", "../a")], call(tmp_path), get=lambda message: message))
