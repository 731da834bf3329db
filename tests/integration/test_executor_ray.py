"""Recipes on Ray: one started for the run, and a cluster of two nodes of which one is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped] # it has no type information
import pytest

from tests.ray_nodes import Nodes, plain, two_nodes, why_not
from tests.toy_project import Ended, Toy

WIDE = """
# Two branches. Try: mlops run recipe=wide executor=ray
stages: [count, left, right, check]
count: {_target_: toy.counting.Count}
left: {_target_: toy.numbers.Scale, factor: 2.0, seconds: 3, inputs: {table: count}}
right: {_target_: toy.numbers.Scale, factor: 3.0, seconds: 3, inputs: {table: count}}
check: {_target_: toy.numbers.Check, inputs: {table: left}}
"""
ON_RAY = ("recipe=wide", "executor=ray", "executor.cpus=1")
CHILD = "mlops.executors.child"

pytestmark = pytest.mark.slow


@pytest.fixture
def wide(toy: Toy) -> Toy:
    (toy.root / "recipes" / "wide.yaml").write_text(WIDE)
    return toy


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A word in the environment of everything that the test starts."""
    word = f"MARK_{os.urandom(6).hex()}"
    monkeypatch.setenv(word, "1")
    yield word
    for process in marked(word):
        process.kill()


def marked(word: str) -> list[psutil.Process]:
    """Living processes that were started with a word in their environment; this one is left out."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and word in process.environ() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for_stages(word: str, count: int) -> list[psutil.Process]:
    """Wait until as many stages are at work."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        stages = [process for process in marked(word) if CHILD in " ".join(_words(process))]
        if len(stages) >= count:
            return stages
        time.sleep(0.1)
    pytest.fail(f"{count} stages did not begin")


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def digests(toy: Toy) -> set[str]:
    return {folder.name for folder in toy.artifacts}


@pytest.fixture
def expected(wide: Toy, tmp_path: Path) -> set[str]:
    """Digests of what the recipe makes without Ray."""
    wide.run("recipe=wide", "left.seconds=0", "right.seconds=0")
    found = digests(wide)
    (wide.root / ".mlops").rename(tmp_path / "without-ray")
    return found


def test_ray_listens_to_this_machine_alone_and_ends_with_a_killed_run(wide: Toy, ended: Ended, mark: str) -> None:
    process = wide.start("run", *ON_RAY, "left.seconds=60", "right.seconds=61")
    ended(process)
    wait_for_stages(mark, 2)
    listening = [
        connection.laddr.ip
        for found in marked(mark)
        for connection in found.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert {address.removeprefix("::ffff:") for address in listening} <= {"127.0.0.1", "::1"}
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [" ".join(_words(found)) for found in left] == []
    shown = wide("runs", "--json")
    assert "interrupted" in shown.out
    assert "running" not in shown.out


def test_ctrl_c_ends_ray_too(wide: Toy, expected: set[str], ended: Ended, mark: str) -> None:
    process = wide.start("run", *ON_RAY, "left.seconds=60", "right.seconds=61")
    ended(process)
    wait_for_stages(mark, 2)
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert marked(mark) == []
    again = wide.actions(*ON_RAY)
    assert again["count"] == "reuse"
    assert digests(wide) == expected


needs_namespaces = pytest.mark.skipif(bool(why_not()), reason=why_not() or "they can be made")


@pytest.fixture
def nodes(mark: str) -> Iterator[Nodes]:
    with two_nodes() as made:
        yield made


def on_both(toy: Toy, nodes: Nodes, *words: str) -> subprocess.Popen[str]:
    """Begin a run beside the head; nothing but the network connects it with the other node's stages."""
    cache = f"executor.cache={toy.root.parent / 'nodes'}"
    command = (*nodes.inside, sys.executable, "-m", "mlops", "run", *ON_RAY, f"executor.address={nodes.address}", cache)
    return subprocess.Popen(
        [*command, *words], cwd=toy.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=plain()
    )


@needs_namespaces
def test_a_node_that_is_killed_costs_nothing_but_time(
    wide: Toy, expected: set[str], nodes: Nodes, ended: Ended, mark: str
) -> None:
    process = on_both(wide, nodes, "left.seconds=3", "right.seconds=3")
    ended(process)
    wait_for_stages(mark, 2)
    nodes.kill("b")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "place 1 of 3 failed" in err
    assert digests(wide) == expected
