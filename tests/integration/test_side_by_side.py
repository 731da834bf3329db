"""Steps that run at once: in what order they begin, what a failure or a kill leaves, and that results are the same."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.toy_project import Ended, Toy

WIDE = """
# Two branches. Try: mlops run recipe=wide executor.parallel=2
stages: [count, left, right, check, again]
count: {_target_: toy.counting.Count}
left: {_target_: toy.numbers.Scale, factor: 2.0, inputs: {table: count}, resources: {cpus: 1}}
right: {_target_: toy.numbers.Scale, factor: 3.0, inputs: {table: count}, resources: {cpus: 1}}
check: {_target_: toy.numbers.Check, inputs: {table: left}}
again: {_target_: toy.numbers.Scale, inputs: {table: check}}
"""
AT_ONCE = ("recipe=wide", "executor.parallel=2", "executor.cpus=1")

TWO = """
# Two stages that fail. Try: mlops run recipe=two executor.parallel=2
stages: [count, check, other]
count: {_target_: toy.counting.Count}
check: {_target_: toy.numbers.Check, inputs: {table: count}, refuse: true}
other: {_target_: toy.numbers.Check, inputs: {table: count}, crash: error}
"""

PUBLISHED = """
# An effect that needs one branch. Try: mlops run recipe=effect executor.parallel=2
stages: [count, left, right, publish]
count: {_target_: toy.counting.Count}
left: {_target_: toy.numbers.Scale, factor: 2.0, inputs: {table: count}}
right: {_target_: toy.numbers.Scale, factor: 3.0, inputs: {table: count}}
publish: {_target_: effects.Publish, inputs: {table: left}}
"""

NODES = """
from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from mlops.executors.local import Local
from mlops.services.executor import Call, Lost, Outcome


class Shaky(Local):
    tries: int = 2

    def execute(self, call: Call) -> Outcome:
        seen = Path(call.context.place.state, "tries")
        count = len(seen.read_text()) if seen.exists() else 0
        if count < self.tries:
            seen.write_text("x" * (count + 1))
            raise Lost("the node went away")
        return super().execute(call)
"""

EFFECT = """
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops.formats import Table
from mlops.stage import Context, Place, Stage


class Publish(Stage):
    def run(self, table: Table, *, context: Context) -> Table:
        context.audit("published", "toy", rows=table.rows)
        return Table.create(context.output("table"), table.read(), roles=table.roles)

    def stands(self, made: Mapping[str, Any], place: Place) -> str:
        return ""
"""


@pytest.fixture
def wide(toy: Toy) -> Toy:
    """The toy project with a recipe of two branches; no step needs two cores."""
    (toy.root / "recipes" / "wide.yaml").write_text(WIDE)
    return toy


def events(toy: Toy, run: str) -> list[dict[str, Any]]:
    lines = (toy.root / ".mlops" / "runs" / run / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def order(toy: Toy, run: str) -> list[tuple[str, str]]:
    """What began and ended, in order."""
    kinds = {"stage-started": "begins", "stage-finished": "ends"}
    return [(e["stage"], kinds[e["event"]]) for e in events(toy, run) if e.get("event") in kinds]


def alive(word: str) -> list[str]:
    """Command lines of living processes that have a word in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if word.encode() in path.read_bytes() and "Z" not in path.with_name("stat").read_text().split()[2]:
                found.append(path.with_name("cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def shaky(toy: Toy) -> None:
    """Add the executor ``shaky``, whose place goes away at first."""
    (toy.root / "plugins" / "nodes.py").write_text(NODES)
    (toy.root / "conf" / "executor").mkdir(parents=True)
    (toy.root / "conf" / "executor" / "shaky.yaml").write_text("# Breaks. Try: executor=shaky\n_target_: nodes.Shaky\n")


def begun(toy: Toy, *stages: str) -> None:
    """Wait until stages have begun."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        texts = [path.read_text() for path in (toy.root / ".mlops" / "runs").glob("*/events.jsonl")]
        lines = [json.loads(line) for text in texts for line in text.splitlines() if line.endswith("}")]
        names = {line.get("stage") for line in lines if line.get("event") == "stage-started"}
        if names >= set(stages):
            return
        time.sleep(0.05)
    pytest.fail(f"{stages} did not begin")


def test_branches_run_at_once_and_make_the_same_artifacts(wide: Toy, tmp_path: Path) -> None:
    done = wide.run(*AT_ONCE, "left.seconds=1", "right.seconds=1")
    seen = order(wide, done["run"])
    assert max(seen.index((name, "begins")) for name in ("left", "right")) < min(
        seen.index((name, "ends")) for name in ("left", "right")
    )
    made = {folder.name for folder in wide.artifacts}
    (wide.root / ".mlops").rename(tmp_path / "aside")
    plain = wide.run("recipe=wide", "left.seconds=1", "right.seconds=1")
    assert {folder.name for folder in wide.artifacts} == made
    assert plain["metrics"] == done["metrics"]


def test_the_report_keeps_the_recipes_order(wide: Toy) -> None:
    done = wide.run(*AT_ONCE, "left.seconds=1")
    assert [step["stage"] for step in done["steps"]] == ["count", "left", "right", "check", "again"]


def test_steps_that_ask_for_more_cores_than_there_are_run_in_turn(wide: Toy) -> None:
    cores = len(os.sched_getaffinity(0))
    asked = (f"left.resources.cpus={cores}", f"right.resources.cpus={cores}")
    done = wide.run(*AT_ONCE, *asked)
    seen = order(wide, done["run"])
    begins, ends = [[seen.index((name, word)) for name in ("left", "right")] for word in ("begins", "ends")]
    assert min(ends) < max(begins)


def test_after_a_failure_what_runs_goes_on_and_nothing_begins(wide: Toy) -> None:
    answer = wide("run", *AT_ONCE, "check.refuse=true", "right.seconds=3", "--json")
    assert answer.code == 1
    assert {step["stage"]: step["action"] for step in answer.last["steps"]} == {
        "count": "run",
        "left": "run",
        "right": "run",
        "check": "failed",
        "again": "skipped",
    }
    assert "stage check failed: the table was refused" in answer.err
    assert wide.actions(*AT_ONCE, "right.seconds=3")["right"] == "reuse"


def test_every_failure_is_told(wide: Toy) -> None:
    (wide.root / "recipes" / "two.yaml").write_text(TWO)
    answer = wide("run", "recipe=two", *AT_ONCE[1:])
    assert answer.code == 1
    assert "also failed: stage" in answer.err
    assert "the table was refused" in answer.err
    assert "ZeroDivisionError" in answer.err


def test_a_stage_with_an_effect_waits_for_all_above_it(wide: Toy) -> None:
    (wide.root / "plugins" / "effects.py").write_text(EFFECT)
    (wide.root / "recipes" / "effect.yaml").write_text(PUBLISHED)
    done = wide.run("recipe=effect", *AT_ONCE[1:], "right.seconds=2")
    seen = order(wide, done["run"])
    assert seen.index(("right", "ends")) < seen.index(("publish", "begins"))
    log = (wide.root / ".mlops" / "audit" / "log.jsonl").read_text()
    assert json.loads(log)["action"] == "published"


def test_a_place_that_goes_away_is_no_failure_of_the_stage(wide: Toy) -> None:
    (wide.root / "plugins" / "nodes.py").write_text(NODES)
    (wide.root / "conf" / "executor").mkdir(parents=True)
    (wide.root / "conf" / "executor" / "shaky.yaml").write_text(
        "# Breaks. Try: executor=shaky\n_target_: nodes.Shaky\n"
    )
    answer = wide("run", "recipe=wide", "executor=shaky")
    assert answer.code == 0, answer.err
    assert "place 2 of 3 failed: the node went away" in answer.err


def test_places_that_go_away_again_and_again_are_given_up(wide: Toy) -> None:
    (wide.root / "plugins" / "nodes.py").write_text(NODES)
    (wide.root / "conf" / "executor").mkdir(parents=True)
    (wide.root / "conf" / "executor" / "shaky.yaml").write_text(
        "# Breaks. Try: executor=shaky\n_target_: nodes.Shaky\n"
    )
    answer = wide("run", "recipe=wide", "executor=shaky", "executor.tries=9")
    assert answer.code == 1
    assert "the node went away" in answer.err


def test_sigterm_ends_everything_and_says_so(wide: Toy, ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = f"MARK_{os.urandom(6).hex()}"
    monkeypatch.setenv(mark, "1")
    process = wide.start("run", *AT_ONCE, "left.seconds=60", "right.seconds=61")
    ended(process)
    begun(wide, "left", "right")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stage left, right interrupted" in err
    monkeypatch.delenv(mark)
    assert alive(mark) == []


def test_nothing_outlives_a_killed_run(wide: Toy, ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = f"MARK_{os.urandom(6).hex()}"
    monkeypatch.setenv(mark, "1")
    process = wide.start("run", *AT_ONCE, "left.seconds=60", "right.seconds=61")
    ended(process)
    begun(wide, "left", "right")
    process.kill()
    process.wait()
    monkeypatch.delenv(mark)
    time.sleep(1)
    assert alive(mark) == []
    shown = wide("runs", "--json")
    assert shown.code == 0, shown.err
    assert "interrupted" in shown.out
    assert "running" not in shown.out


def test_what_this_machine_lacks_is_no_mistake_where_stages_run_elsewhere(wide: Toy) -> None:
    asked = ("recipe=wide", "left.resources.cpus=999", "left.resources.gpus=9")
    assert wide("plan", *asked).code == 2
    assert wide.plan(*asked, "executor=ray", "executor.address=10.0.0.5:6379")["left"]["action"] == "run"
