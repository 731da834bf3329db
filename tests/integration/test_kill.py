"""kill -9 at any moment: nothing half made is seen, and at most the stage in progress is repeated."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from mlops.store import Store
from tests.toy_project import Ended, Toy


def _finished(folders: set[Path]) -> set[str]:
    """Stages that a run, killed as it was, had finished; it may have died before it had a folder."""
    found = set()
    lines = [line for folder in folders for line in _events(folder)]
    for line in lines:
        if line.endswith("\n"):
            event = json.loads(line)
            if event["event"] == "stage-finished":
                found.add(event["stage"])
    return found


def _events(folder: Path) -> list[str]:
    path = folder / "events.jsonl"
    return path.read_text().splitlines(keepends=True) if path.is_file() else []


def _assert_whole(store: Store) -> None:
    for manifest in (store.root / "artifacts").glob("*/*/manifest.json"):
        store.check(manifest.parent.name, full=True)
    for path in (store.root / "index").glob("*/*.json"):
        entry = store.find(path.stem)
        assert entry is not None
        for output in entry.outputs:
            store.check(output.digest)


def _kill_runs(toy: Toy, ended: Ended, *, times: int) -> None:
    chance = random.Random(20260)
    store = Store(toy.root / ".mlops" / "store")
    runs = toy.root / ".mlops" / "runs"
    started = time.monotonic()
    toy.run("recipe=chain", "count.rows=1")
    usual = time.monotonic() - started
    for trial in range(times):
        words = ("recipe=chain", f"count.rows={trial + 2}", "count.seconds=0.1", "scale.seconds=0.1")
        known = set(runs.iterdir())
        process = toy.start("run", *words)
        ended(process)
        time.sleep(chance.uniform(0.2 * usual, 1.4 * usual))
        process.kill()
        process.communicate()
        _assert_whole(store)
        finished = _finished(set(runs.iterdir()) - known)
        assert all(run["status"] != "running" for run in json.loads(toy("runs", "--json", "--limit", "1").out))
        actions = toy.actions(*words)
        assert {actions[stage] for stage in finished} <= {"reuse"}
    assert list((store.root / "tmp").glob("*/*")) == [] or toy("gc", "--yes").code == 0


def test_twenty_kills_lose_at_most_the_stage_in_progress(toy: Toy, ended: Ended) -> None:
    _kill_runs(toy, ended, times=20)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hundred_kills_lose_at_most_the_stage_in_progress(toy: Toy, ended: Ended) -> None:
    _kill_runs(toy, ended, times=100)
