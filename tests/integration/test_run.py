"""Running: output, exit codes, records, secrets, failures."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest

from tests.toy_project import Ended, Toy


def test_run_prints_the_plan_then_each_stage_then_where_to_look(toy: Toy) -> None:
    answer = toy("run", "recipe=chain")
    assert answer.code == 0
    assert re.search(r"^count +run +– +– +never made before$", answer.out, re.MULTILINE)
    assert re.search(r"^scale: done in .*: 5 rows × 1 columns$", answer.out, re.MULTILINE)
    assert "report   " in answer.out
    assert "mlops runs show " in answer.out


def test_run_json_is_one_line_at_the_end_of_standard_output(toy: Toy) -> None:
    answer = toy("run", "recipe=chain", "--json")
    assert answer.out.count("\n") == 1
    assert answer.last["status"] == "done"
    assert answer.last["metrics"] == {"scale.sum": 20.0, "again.sum": 60.0}
    assert [set(step) for step in answer.last["steps"]] == [{"stage", "action", "seconds"}] * 4


def test_metrics_of_reused_stages_are_reported_too(toy: Toy) -> None:
    assert toy.run("recipe=chain")["metrics"] == toy.run("recipe=chain")["metrics"]


def test_plan_json_has_the_promised_keys(toy: Toy) -> None:
    answer = toy("plan", "recipe=chain", "--json")
    assert answer.last["recipe"] == "chain"
    assert {"stage", "action", "reasons", "made_by", "key"} <= set(answer.last["steps"][0])


def test_the_plan_says_which_run_made_what_is_reused(toy: Toy) -> None:
    run = toy.run("recipe=chain")["run"]
    assert {step["made_by"] for step in toy.plan("recipe=chain").values()} == {run}


def test_a_refusing_stage_ends_the_run_with_code_1_and_the_way_on(toy: Toy) -> None:
    answer = toy("run", "recipe=chain", "check.refuse=true")
    assert answer.code == 1
    assert "stage check failed: the table was refused" in answer.err
    assert "fix: set refuse: false" in answer.err
    assert "to go on: mlops run recipe=chain check.refuse=true" in answer.err
    assert toy.actions("recipe=chain")["scale"] == "reuse"


def test_a_crashing_stage_names_its_line(toy: Toy) -> None:
    answer = toy("run", "recipe=chain", "check.crash=error", "--json")
    assert answer.code == 1
    assert answer.last["status"] == "failed"
    assert [step["action"] for step in answer.last["steps"]] == ["run", "run", "failed", "skipped"]
    assert re.search(r"where: .*numbers\.py:\d+", answer.err)


def test_an_interrupt_ends_with_code_130_and_keeps_what_is_done(toy: Toy) -> None:
    answer = toy("run", "recipe=chain", "check.crash=interrupt", "--json")
    assert answer.code == 130
    assert answer.last["status"] == "interrupted"
    assert toy.actions("recipe=chain")["scale"] == "reuse"


def test_sigterm_is_recorded_as_interrupted(toy: Toy, ended: Ended) -> None:
    process = toy.start("run", "recipe=chain", "count.seconds=60")
    ended(process)
    _wait_for(toy.root / ".mlops" / "runs", "stage-started")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(toy("runs", "--json").out)[0]["status"] == "interrupted"


def _wait_for(runs: Path, event: str) -> None:
    for _ in range(600):
        if any(event in path.read_text() for path in runs.glob("*/events.jsonl")):
            return
        time.sleep(0.05)
    raise AssertionError(f"no {event} in {runs}")


def test_a_killed_run_is_interrupted_at_the_next_look(toy: Toy, ended: Ended) -> None:
    process = toy.start("run", "recipe=chain", "count.seconds=60")
    ended(process)
    _wait_for(toy.root / ".mlops" / "runs", "stage-started")
    assert json.loads(toy("runs", "--json").out)[0]["status"] == "running"
    process.kill()
    process.wait()
    assert json.loads(toy("runs", "--json").out)[0]["status"] == "interrupted"


def test_a_stage_that_takes_too_long_is_ended(toy: Toy) -> None:
    answer = toy("run", "recipe=chain", "count.seconds=60", "count.timeout=1s", "--json")
    assert answer.code == 1
    assert "took longer than its timeout of 1 s" in answer.err


def test_a_stage_in_its_own_process_gives_the_same_artifact(toy: Toy) -> None:
    toy.run("recipe=chain")
    assert toy.actions("recipe=chain", "scale.timeout=60s", "--force", "scale")["check"] == "reuse"


def test_a_failing_stage_is_tried_again_as_often_as_it_says(toy: Toy) -> None:
    answer = toy("run", "recipe=chain", "check.refuse=true", "check.retries=2")
    assert answer.code == 1
    assert "attempt 2 of 3 failed" in answer.err


def test_two_runs_at_once_compute_each_stage_once_and_both_succeed(toy: Toy, ended: Ended) -> None:
    words = ("run", "recipe=chain", "count.seconds=1.0", "scale.seconds=0.5", "--json")
    processes = [toy.start(*words) for _ in range(2)]
    for process in processes:
        ended(process)
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    results = [json.loads(out.strip().splitlines()[-1]) for out, _ in outputs]
    for position in range(4):
        assert sorted(result["steps"][position]["action"] for result in results) == ["reuse", "run"]


def test_a_recipe_with_mistakes_runs_nothing(toy: Toy) -> None:
    answer = toy("run", "recipe=chain", "scale.facto=2")
    assert answer.code == 2
    assert "scale.facto: unknown key" in answer.err
    assert "did you mean 'factor'?" in answer.err
    assert not (toy.root / ".mlops" / "runs").exists()


SECRET = "correct-horse-battery"


@pytest.mark.parametrize("how", ["", "check.refuse=true", "check.crash=error", "check.timeout=60s"])
def test_values_of_environment_variables_appear_nowhere(toy: Toy, how: str) -> None:
    words = ["recipe=chain", "check.secret=${oc.env:TOY_SECRET}", *([how] if how else [])]
    answer = toy("run", *words, TOY_SECRET=SECRET)
    shown = answer.out + answer.err
    for verb in (["plan", *words], ["explain", "check.secret", *words], ["runs", "show", "last"], ["check", *words]):
        other = toy(*verb, TOY_SECRET=SECRET)
        shown += other.out + other.err
    assert SECRET not in shown
    for path in (toy.root / ".mlops").rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def test_a_source_taken_from_a_secret_is_not_named(toy: Toy) -> None:
    url = "data/numbers.csv?key=horse-battery"
    (toy.root / "data" / "numbers.csv?key=horse-battery").write_text("x\n1\n")
    assert toy("run", "recipe=file", "read.path=${oc.env:TOY_URL}", TOY_URL=url).code == 0
    for path in (toy.root / ".mlops").rglob("*"):
        assert not path.is_file() or b"horse-battery" not in path.read_bytes()


def test_another_value_of_an_environment_variable_reruns_the_stage(toy: Toy) -> None:
    words = ("run", "recipe=chain", "check.secret=${oc.env:TOY_SECRET}", "--json")
    assert toy(*words, TOY_SECRET=SECRET).last["steps"][2]["action"] == "run"
    assert toy(*words, TOY_SECRET=SECRET).last["steps"][2]["action"] == "reuse"
    assert toy(*words, TOY_SECRET="another-value").last["steps"][2]["action"] == "run"


def test_the_record_of_a_run_holds_what_is_needed_to_repeat_it(toy: Toy) -> None:
    run = toy.run("recipe=chain", "scale.factor=4")["run"]
    folder = toy.root / ".mlops" / "runs" / run
    facts = json.loads((folder / "run.json").read_text())
    assert facts["overrides"] == ["recipe=chain", "scale.factor=4"]
    assert facts["environment"]["python"]
    assert facts["environment"]["libraries"]["polars"]
    assert all(step["peak_memory"] > 0 for step in facts["steps"])
    assert "factor: 4" in (folder / "recipe.yaml").read_text()
    assert "<svg" in (folder / "report.html").read_text()


def test_runs_diff_names_only_what_differs(toy: Toy) -> None:
    first = toy.run("recipe=chain")["run"]
    second = toy.run("recipe=chain", "scale.factor=4")["run"]
    difference = json.loads(toy("runs", "diff", first, second, "--json").out)
    assert "scale.factor" in json.dumps(difference["parameters"])
    assert "count" not in json.dumps(difference["parameters"])
    assert "scale.sum" in json.dumps(difference["metrics"])
    assert "code" not in difference


def test_gc_frees_what_no_run_refers_to_and_nothing_else(toy: Toy) -> None:
    first = toy.run("recipe=chain")["run"]
    toy.run("recipe=chain", "again.factor=7")
    assert json.loads(toy("gc", "--json").out)["pieces"] == []
    toy("runs", "rm", first, "--yes")
    before = len(toy.artifacts)
    assert json.loads(toy("gc", "--json").out)["bytes"] > 0
    assert len(toy.artifacts) == before
    assert toy("gc", "--yes").code == 0
    assert len(toy.artifacts) == before - 1
    assert set(toy.actions("recipe=chain", "again.factor=7").values()) == {"reuse"}


def test_gc_frees_nothing_while_a_run_is_going(toy: Toy, ended: Ended) -> None:
    process = toy.start("run", "recipe=chain", "count.seconds=60")
    ended(process)
    _wait_for(toy.root / ".mlops" / "runs", "stage-started")
    answer = toy("gc", "--yes")
    assert answer.code == 1
    assert "run is in progress" in answer.err
