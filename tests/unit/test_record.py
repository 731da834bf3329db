from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from mlops.errors import ProjectError, StageError, StoreError
from mlops.record import (
    RunFacts,
    RunRecord,
    list_runs,
    load_run,
    new_id,
    read_events,
    referenced_digests,
    remove_run,
)

FACTS = RunFacts("flights", "stages: [data]\n", overrides=("train.lr=0.1",), seed=3, environment={"python": "3.11"})
STEP: dict[str, Any] = {
    "stage": "data",
    "action": "run",
    "seconds": 1.5,
    "peak_memory": 1024,
    "key": "k1",
    "made_by": None,
    "outputs": {"table": {"format": "table", "digest": "d1"}},
    "metrics": {"rows": 10.0},
    "ingredients": {"target": "mlops_polars.data.Data"},
}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / ".mlops" / "runs"


def finished(runs: Path, *, recipe: str = "flights", status: Any = "done") -> str:
    with RunRecord.open(runs, RunFacts(recipe)) as record:
        record.event("stage-finished", **STEP)
        record.finish(status)
    return record.id


def as_json(folder: Path) -> Any:
    return json.loads((folder / "run.json").read_text())


def test_ids_sort_by_time_and_name_it() -> None:
    ids = [new_id() for _ in range(3)]
    assert [name[:19] for name in ids] == sorted(name[:19] for name in ids)
    assert all(len(name) == len("20240131-235959-123-0a1b") for name in ids)


def test_many_runs_at_once_get_folders_of_their_own(runs: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: finished(runs), range(24)))
    assert len(set(names)) == len(list_runs(runs)) == 24


def test_a_finished_run_tells_everything(runs: Path) -> None:
    with RunRecord.open(runs, FACTS) as record:
        record.event("stage-finished", **STEP)
        record.finish("done")
    facts = as_json(record.folder)
    assert facts.pop("started") <= facts.pop("ended")
    assert facts == {
        "id": record.id,
        "recipe": "flights",
        "parent": "",
        "overrides": ["train.lr=0.1"],
        "status": "done",
        "seed": 3,
        "environment": {"python": "3.11"},
        "steps": [STEP],
        "metrics": {"data.rows": 10.0},
        "error": "",
    }
    assert (record.folder / "recipe.yaml").read_text() == "stages: [data]\n"


def test_what_was_written_is_what_is_loaded(runs: Path) -> None:
    name = finished(runs)
    assert load_run(runs, name).as_json() == as_json(runs / name)


def test_the_metrics_of_a_run_may_be_given(runs: Path) -> None:
    with RunRecord.open(runs, FACTS) as record:
        record.event("stage-finished", **STEP)
        record.finish("done", metrics={"auc": 0.9})
    assert load_run(runs, "last").metrics == {"auc": 0.9}


def test_a_run_is_running_while_its_lock_is_held_and_nothing_says_so_on_disk(runs: Path) -> None:
    with RunRecord.open(runs, FACTS) as record:
        assert load_run(runs, record.id).status == "running"
        assert as_json(record.folder)["status"] is None


def test_a_run_that_was_never_finished_is_interrupted(runs: Path) -> None:
    with RunRecord.open(runs, FACTS):
        pass
    assert load_run(runs, "last").status == "interrupted"


def test_an_unfinished_run_is_put_together_from_its_events(runs: Path) -> None:
    with RunRecord.open(runs, RunFacts("flights")) as record:
        record.note(environment={"python": "3.12"})
        record.event("stage-finished", **STEP)
    run = load_run(runs, "last")
    assert (list(run.steps), run.metrics, run.environment) == ([STEP], {"data.rows": 10.0}, {"python": "3.12"})


def test_what_is_noted_later_is_in_the_end_as_well(runs: Path) -> None:
    with RunRecord.open(runs, RunFacts("flights")) as record:
        record.note(environment={"python": "3.12"})
        record.finish("done")
    assert as_json(record.folder)["environment"] == {"python": "3.12"}


def test_a_killed_run_is_interrupted_and_keeps_every_acknowledged_event(runs: Path) -> None:
    script = dedent(
        """
        import sys
        from pathlib import Path
        from mlops.record import RunFacts, RunRecord
        record = RunRecord.open(Path(sys.argv[1]), RunFacts("flights"))
        for number in range(10**9):
            record.event("metric", stage="train", name="loss", value=0.5, step=number)
            print(number, flush=True)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(runs)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(200)]
    running = load_run(runs, "last").status
    process.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in process.communicate()[0].split()[:-1]]
    run = load_run(runs, "last")
    assert (running, run.status) == ("running", "interrupted")
    written = {event["step"] for event in read_events(run.folder)}
    assert written >= set(acknowledged)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StageError("no rows"), "failed"),
        (ValueError("odd"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_an_error_that_leaves_the_block_ends_the_run(runs: Path, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), RunRecord.open(runs, FACTS):
        raise error
    run = load_run(runs, "last")
    assert (run.status, run.error) == (status, str(error) or "KeyboardInterrupt")


def test_a_run_killed_between_its_end_and_its_last_facts_is_done(runs: Path) -> None:
    with RunRecord.open(runs, FACTS) as record:
        record.event("stage-finished", **STEP)
        record.event("end", status="done", error="", metrics={"auc": 0.9})
        assert load_run(runs, record.id).status == "running"
    run = load_run(runs, "last")
    assert (run.status, run.metrics, bool(run.ended)) == ("done", {"auc": 0.9}, True)


def test_the_first_end_counts(runs: Path) -> None:
    with RunRecord.open(runs, FACTS) as record:
        record.finish("failed", error="no rows")
        record.finish("done")
    assert load_run(runs, "last").error == "no rows"


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_torn_last_event_is_left_out(runs: Path, cut: int) -> None:
    with RunRecord.open(runs, FACTS) as record:
        record.event("stage-finished", **STEP)
        record.event("stage-finished", **STEP | {"stage": "train"})
    path = record.folder / "events.jsonl"
    path.write_bytes(path.read_bytes()[:-cut] if cut > 1 else path.read_bytes() + b'{"event": "st')
    stages = [step["stage"] for step in load_run(runs, "last").steps]
    assert stages == (["data", "train"] if cut == 1 else ["data"])


def test_secrets_reach_no_file(runs: Path) -> None:
    secret = 'hunter"2\\é'
    facts = RunFacts("r", f"password: {secret}", overrides=(f"db.password={secret}",), environment={secret: [secret]})

    def mask(text: str) -> str:
        return text.replace(secret, "${oc.env:PASSWORD}")

    with pytest.raises(StageError), RunRecord.open(runs, facts, mask=mask) as record:  # noqa: PT012 - same
        record.event("stage-finished", **STEP | {"ingredients": {"parameters": {"url": f"db://{secret}@host"}}})
        record.note(extra=secret)
        record.log(f"connecting with {secret}")
        raise StageError(f"cannot log in with {secret}")
    written = {path.name: path.read_text() for path in record.folder.iterdir()}
    assert not [name for name, text in written.items() if "hunter" in text]
    assert written["recipe.yaml"] == "password: ${oc.env:PASSWORD}"
    assert load_run(runs, "last").error == "cannot log in with ${oc.env:PASSWORD}"


def test_numbers_that_json_lacks_are_kept_as_text(runs: Path) -> None:
    with RunRecord.open(runs, FACTS) as record:
        record.event("stage-finished", **STEP | {"metrics": {"auc": float("nan"), "loss": float("inf")}})
        record.finish("done")
    assert as_json(record.folder)["metrics"] == {"data.auc": "nan", "data.loss": "inf"}


def test_events_of_several_threads_do_not_mix(runs: Path) -> None:
    with RunRecord.open(runs, FACTS) as record, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: record.event("metric", step=n, note="x" * 5000), range(200)))
    assert sorted(event["step"] for event in read_events(record.folder)) == list(range(200))


def test_the_log_gets_whole_lines(runs: Path) -> None:
    with RunRecord.open(runs, FACTS) as record:
        record.log("one")
        record.log("two\n")
    assert (record.folder / "log.txt").read_text() == "one\ntwo\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StoreError, match="cannot make the folder"):
        RunRecord.open(tmp_path / "runs", FACTS)


def test_a_run_that_could_not_be_begun_leaves_nothing(runs: Path) -> None:
    def refuse(text: str) -> str:
        raise StoreError(f"no {text}")

    with pytest.raises(StoreError, match="no stages"):
        RunRecord.open(runs, FACTS, mask=refuse)
    assert list(runs.iterdir()) == []


def test_runs_are_listed_from_the_newest_and_filtered(runs: Path) -> None:
    first, second = finished(runs), finished(runs, recipe="churn")
    third = finished(runs, status="failed")
    assert [run.id for run in list_runs(runs)] == sorted([first, second, third], reverse=True)
    assert [run.id for run in list_runs(runs, recipe="churn")] == [second]
    assert [run.id for run in list_runs(runs, status="failed")] == [third]
    assert len(list_runs(runs, limit=2)) == 2


def test_without_any_run_the_list_is_empty(runs: Path) -> None:
    assert list_runs(runs) == []


def test_an_unknown_status_is_refused(runs: Path) -> None:
    with pytest.raises(ProjectError, match=r"no status 'dead'[^$]*one of running, done"):
        list_runs(runs, status="dead")


def test_a_damaged_record_is_put_together_from_its_events(runs: Path) -> None:
    name = finished(runs)
    (runs / name / "run.json").write_bytes(b'{"id": ')
    run = load_run(runs, name)
    assert (run.status, list(run.steps)) == ("done", [STEP])


def test_a_run_of_which_nothing_but_the_lock_is_left_is_interrupted(runs: Path) -> None:
    name = finished(runs)
    (runs / name / "run.json").unlink()
    (runs / name / "events.jsonl").unlink()
    assert load_run(runs, name).status == "interrupted"


def test_a_run_is_found_by_either_end_of_its_id(runs: Path) -> None:
    name = finished(runs)
    assert load_run(runs, name[:12]).id == load_run(runs, name[-4:]).id == load_run(runs, "last").id == name


def test_a_misspelt_id_brings_the_near_one(runs: Path) -> None:
    name = finished(runs)
    wrong = name[:-6] + "x" + name[-5:]
    with pytest.raises(ProjectError, match=f"no run '{wrong}'[^$]*did you mean '{name}'"):
        load_run(runs, wrong)


def test_an_id_that_fits_several_runs_is_refused(runs: Path) -> None:
    finished(runs)
    finished(runs)
    with pytest.raises(ProjectError, match=r"2 runs are called '2'[^$]*give more of the ID"):
        load_run(runs, "2")


def test_before_the_first_run_there_is_none_to_load(runs: Path) -> None:
    with pytest.raises(ProjectError, match=r"no runs yet[^$]*mlops run recipe=NAME"):
        load_run(runs, "last")


def test_a_removed_run_is_gone_with_all_its_files(runs: Path) -> None:
    name = finished(runs)
    (runs / ".removed-by-a-killed-process").mkdir()
    assert remove_run(runs, "last") == name
    assert list(runs.iterdir()) == []


def test_a_running_run_is_not_removed(runs: Path) -> None:
    with RunRecord.open(runs, FACTS) as record:
        with pytest.raises(ProjectError, match=f"run {record.id} is still running"):
            remove_run(runs, record.id)
        assert record.folder.is_dir()


def test_what_finished_running_and_interrupted_runs_need_is_referenced(runs: Path) -> None:
    finished(runs)
    with RunRecord.open(runs, FACTS) as cut_short:
        cut_short.event("stage-finished", **STEP | {"outputs": {"table": {"format": "table", "digest": "d2"}}})
    with RunRecord.open(runs, FACTS) as running:
        running.event("planned", steps=[{"stage": "data", "outputs": {"table": {"digest": "d3"}}}, {"stage": "train"}])
        assert referenced_digests(list_runs(runs)) == {"d1", "d2", "d3"}
