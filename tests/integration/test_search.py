"""Searches of a recipe as people run them: found, reused, continued, killed, refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from mlops.cli import main
from tests.toy_project import Answer, Ended, Toy

SOURCE = Path(__file__).parent.parent / "toy_search"
FAMILIES = (
    "tune.space={slope: {search: choice, values: {flat: {slope.offset: {search: uniform, low: 0.0, high: 1.0}}, "
    "steep: {slope.angle: {search: int, low: 1, high: 9}}}}}"
)


@dataclass(frozen=True)
class Hill(Toy):
    """The project with a hill, its commands carried out in this process: libraries are loaded once."""

    def __call__(self, *words: str, **variables: str) -> Answer:
        """Run one command."""
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(list(words))
        return Answer(code, out.getvalue(), err.getvalue())


@pytest.fixture
def hill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hill]:
    """The project with a hill to search, with nothing run yet; what it imported is forgotten afterwards."""
    root = tmp_path / "project"
    shutil.copytree(SOURCE, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("OMP_WAIT_POLICY", "POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    yield Hill(root)
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def _journal(hill: Toy) -> list[dict[str, Any]]:
    """The finished trials of the only search."""
    (path,) = (hill.root / ".mlops" / "searches").glob("*/trials.jsonl")
    entries = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    return [entry["trial"] for entry in entries if "trial" in entry]


def _done(hill: Toy) -> Counter[str]:
    """How often each stage really worked."""
    return Counter((hill.root / "done.txt").read_text().split())


def _until(hill: Toy, trials: int, process: subprocess.Popen[str]) -> None:
    """Wait until a search that runs has made so many trials."""
    while process.poll() is None:
        if list(hill.root.glob(".mlops/searches/*/trials.jsonl")) and len(_journal(hill)) >= trials:
            return
        time.sleep(0.02)
    pytest.fail(f"the search ended: {process.communicate()}")


def test_the_best_trial_goes_on_and_its_training_is_reused(hill: Toy) -> None:
    done = hill.run("recipe=hill")
    best = min(_journal(hill), key=lambda trial: trial["score"])
    assert done["metrics"]["climb.validation_height"] == best["score"]
    assert {step["stage"]: step["action"] for step in done["steps"]} == {
        "ground": "reuse",
        "climb": "reuse",
        "tell": "run",
    }


def test_stages_above_the_search_run_once_for_all_trials(hill: Toy) -> None:
    hill.run("recipe=hill")
    assert _done(hill) == {"ground": 1, "climb": 6}


def test_a_finished_search_is_reused(hill: Toy) -> None:
    hill.run("recipe=hill")
    assert set(hill.actions("recipe=hill").values()) == {"reuse"}
    assert _done(hill)["climb"] == 6


def test_a_finished_search_loads_neither_optuna_nor_ray(hill: Toy) -> None:
    hill.run("recipe=hill")
    code = "import sys; from mlops.cli import main; main(['run', 'recipe=hill', '--force', 'tell']); "
    code += "print(sorted({'optuna', 'ray'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=hill.root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_search_with_more_trials_goes_on(hill: Toy) -> None:
    hill.run("recipe=hill", "tune.trials=3")
    hill.run("recipe=hill", "tune.trials=5")
    assert [trial["number"] for trial in _journal(hill)] == [0, 1, 2, 3, 4]
    assert _done(hill)["climb"] == 5


def test_a_search_that_goes_on_finds_what_it_would_have_found(hill: Toy) -> None:
    hill.run("recipe=hill", "tune.trials=3", "tune.startup=2")
    hill.run("recipe=hill", "tune.trials=6", "tune.startup=2")
    broken = [trial["values"] for trial in _journal(hill)]
    shutil.rmtree(hill.root / ".mlops")
    hill.run("recipe=hill", "tune.trials=6", "tune.startup=2")
    assert broken == [trial["values"] for trial in _journal(hill)]


def test_a_search_starts_anew_when_the_space_changes(hill: Toy) -> None:
    hill.run("recipe=hill", "tune.trials=2")
    hill.run("recipe=hill", "tune.trials=2", "climb.x.high=4.0")
    assert len(list(hill.root.glob(".mlops/searches/*/trials.jsonl"))) == 2


def test_trials_that_fail_do_not_end_the_search(hill: Toy) -> None:
    hill.run("recipe=hill", "climb.dies_above=2.0")
    states = Counter(trial["status"] for trial in _journal(hill))
    assert states["failed"]
    assert states["done"]
    assert all("too high to climb" in trial["error"] for trial in _journal(hill) if trial["status"] == "failed")


def test_a_search_in_which_all_fails_says_why_and_is_tried_again(hill: Toy) -> None:
    for _ in range(2):
        answer = hill("run", "recipe=hill", "climb.dies_above=0.0", "tune.trials=2")
        assert answer.code == 1
        assert "all 2 trials of the search failed; the first: too high to climb" in answer.err
    assert len(_journal(hill)) == 2


def test_a_trial_whose_process_dies_has_failed(hill: Toy) -> None:
    hill.run("recipe=hill", "climb.killed_above=2.0", "tune.concurrency=2")
    failed = [trial for trial in _journal(hill) if trial["status"] == "failed"]
    assert failed
    assert "its process ended with code 9" in failed[0]["error"]
    assert len(_journal(hill)) == 6


def test_trials_that_are_behind_are_ended_early(hill: Toy) -> None:
    hill.run("recipe=hill", "tune.pruner=asha", "tune.grace=4", "tune.trials=8")
    pruned = [trial for trial in _journal(hill) if trial["status"] == "pruned"]
    assert pruned
    assert all(set(map(int, trial["reports"])) == {0, 1, 2, 3} for trial in pruned if len(trial["reports"]) < 12)
    run = json.loads((hill.root / ".mlops" / "runs" / pruned[0]["run"] / "run.json").read_text())
    assert run["error"].startswith("behind the others at step 4")


def test_trials_are_runs_of_the_search(hill: Toy) -> None:
    hill.run("recipe=hill", "tune.trials=2")
    runs = [json.loads(path.read_text()) for path in hill.root.glob(".mlops/runs/*/run.json")]
    (search,) = [run for run in runs if "search" in run]
    trials = [run for run in runs if run["parent"] == search["id"]]
    assert len(trials) == 2
    assert all(run["overrides"][-1].startswith("climb.x=") for run in trials)
    assert search["metrics"]["search.trials"] == 2


def test_the_machine_readable_outcome_lists_the_trials(hill: Toy) -> None:
    first, again = (hill.run("recipe=hill", "tune.trials=3") for _ in range(2))
    scores = [trial["score"] for trial in first["search"]]
    assert scores == sorted(scores)
    assert again["search"] == first["search"]


def test_the_page_of_the_run_shows_the_leaderboard(hill: Toy) -> None:
    for _ in range(2):
        page = (
            hill.root / ".mlops" / "runs" / hill.run("recipe=hill", "tune.trials=2")["run"] / "report.html"
        ).read_text()
        assert "climb.validation loss" in page


def test_the_plan_says_what_is_to_be_searched(hill: Toy) -> None:
    answer = hill("plan", "recipe=hill", "--json")
    search = answer.last["search"]
    assert (search["trials"], search["done"], search["shared"], search["tried"]) == (6, 0, ["ground"], ["climb"])
    assert "its values are still to be searched" in hill("plan", "recipe=hill").out


def test_the_plan_after_a_search_shows_what_was_found(hill: Toy) -> None:
    hill.run("recipe=hill", "tune.trials=2")
    answer = hill("plan", "recipe=hill", "tune.trials=2")
    assert "the search" in answer.out
    assert "0 to run, 3 to reuse" in answer.out


def test_a_key_set_on_the_command_line_is_not_searched(hill: Toy) -> None:
    assert set(hill.actions("recipe=hill", "climb.x=2.0")) == {"ground", "climb", "tell"}
    assert not (hill.root / ".mlops" / "searches").exists()


def test_stages_above_the_search_can_be_run_without_it(hill: Toy) -> None:
    assert hill.actions("recipe=hill", "--to", "ground") == {"ground": "run"}
    assert not (hill.root / ".mlops" / "searches").exists()


def test_sections_are_swapped_and_searched_each_with_its_own_keys(hill: Toy) -> None:
    hill.run("recipe=hill", FAMILIES, "tune.trials=8")
    values = [trial["values"] for trial in _journal(hill)]
    assert {value["slope"] for value in values} == {"flat", "steep"}
    assert all(("slope.angle" in value) == (value["slope"] == "steep") for value in values)


def test_a_section_chosen_on_the_command_line_leaves_its_own_keys_to_search(hill: Toy) -> None:
    hill.run("recipe=hill", FAMILIES, "slope=steep", "tune.trials=3")
    assert all(set(trial["values"]) == {"climb.x", "slope.angle"} for trial in _journal(hill))


def test_no_more_trials_are_made_than_there_are_different_ones(hill: Toy) -> None:
    hill.run("recipe=hill", "climb.x={search: choice, values: [1.0, 2.0, 3.0]}", "tune.trials=50")
    assert sorted(trial["values"]["climb.x"] for trial in _journal(hill)) == [1.0, 2.0, 3.0]


def test_the_budget_ends_the_search_and_the_best_so_far_wins(hill: Toy) -> None:
    done = hill.run("recipe=hill", "climb.seconds=0.3", "tune.trials=1000", "tune.budget=3s")
    made = len(_journal(hill))
    assert 0 < made < 1000
    assert done["status"] == "done"
    assert set(hill.actions("recipe=hill", "climb.seconds=0.3", "tune.trials=1000", "tune.budget=3s").values()) == {
        "reuse"
    }
    assert len(_journal(hill)) == made


def test_a_budget_too_small_for_one_trial_is_said(hill: Toy) -> None:
    answer = hill("run", "recipe=hill", "climb.seconds=30", "tune.budget=1s")
    assert answer.code == 1
    assert "the budget was spent before any trial was done" in answer.err


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_killed_search_goes_on_with_the_exact_count(hill: Toy, ended: Ended, concurrency: int) -> None:
    words = ("recipe=hill", "climb.seconds=0.2", f"tune.concurrency={concurrency}")
    process = hill.start("run", *words)
    ended(process)
    _until(hill, 2, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    hill.run(*words)
    numbers = [trial["number"] for trial in _journal(hill)]
    assert sorted(numbers) == list(range(6))
    assert _done(hill)["ground"] == 1
    assert _done(hill)["climb"] <= 6 + concurrency


def test_a_line_that_a_kill_cut_short_is_made_again(hill: Toy) -> None:
    hill.run("recipe=hill", "tune.trials=3")
    (path,) = hill.root.glob(".mlops/searches/*/trials.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:20])
    hill.run("recipe=hill", "tune.trials=3")
    assert [trial["number"] for trial in _journal(hill)] == [0, 1, 2]
    assert _done(hill)["climb"] == 3


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_says_how_to_go_on(hill: Toy, ended: Ended, sent: signal.Signals) -> None:
    process = hill.start("run", "recipe=hill", "climb.seconds=0.2")
    ended(process)
    _until(hill, 1, process)
    process.send_signal(sent)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "of 6 trials are kept" in err
    assert "mlops run recipe=hill climb.seconds=0.2" in err


def test_two_runs_of_one_search_share_its_trials(hill: Toy, ended: Ended) -> None:
    runs = [hill.start("run", "recipe=hill", "climb.seconds=0.1") for _ in range(2)]
    for process in runs:
        ended(process)
    assert [process.wait() for process in runs] == [0, 0]
    assert len(_journal(hill)) == 6
    assert _done(hill)["climb"] == 6


@pytest.mark.slow
def test_ray_tune_finds_continues_and_leaves_nothing_behind(hill: Toy) -> None:
    hill.run("recipe=hill", "tune=ray", "tune.trials=4")
    hill.run("recipe=hill", "tune=ray", "tune.trials=6")
    assert sorted(trial["number"] for trial in _journal(hill)) == list(range(6))
    assert _done(hill) == {"ground": 1, "climb": 6}


@pytest.mark.parametrize(
    ("words", "key", "message"),
    [
        (["climb.x.low=-1.0"], "climb.x", "must be at least 0, not -1.0"),
        (["climb.x.high=11.0"], "climb.x", "must be at most 10, not 11.0"),
        (["climb.x.low=7.0"], "climb.x", "low must be less than high"),
        (["climb.x.search=unifrom"], "climb.x.search", "there is no search 'unifrom'"),
        (["climb.x={search: uniform, low: 0}"], "climb.x.high", "is required"),
        (["climb.x={search: uniform, low: 0, high: 1, step: 2}"], "climb.x.step", "unknown key"),
        (["climb.x={search: loguniform, low: 0, high: 1}"], "climb.x", "must be greater than 0 on a logarithmic"),
        (["climb.x={search: choice, values: [1.0, 11.0]}"], "climb.x", "must be at most 10, not 11.0"),
        (["climb.x={search: choice, values: [1.0, 1.0]}"], "climb.x.values", "listed twice"),
        (["+tune.space={climb.y: {search: uniform, low: 0, high: 1}}"], "climb.y", "unknown key"),
        (["+tune.space={climb.x: 3}", "climb.x=1.0"], "tune.space.climb.x", "must be a range to search, not 3"),
        (["~tune"], "tune", "it is not known who searches"),
        (["tune.until=clim"], "tune.until", "there is no stage 'clim'"),
        (["tune.metric=tell.height"], "tune.metric", "names no metric of a stage that a trial runs"),
        (["tune.metric=climb.test_height"], "tune.metric", "is measured on test rows"),
        (["tune.trials=0"], "tune.trials", "must be at least 1, not 0"),
        (["tune.budget=soon"], "tune.budget", "must be a number"),
        (["+tune.space={slope: {search: choice, values: [flat, step]}}"], "slope", "there is no slope 'step'"),
        (
            ["+tune.space={slope: {search: choice, values: {flat: {slope.angle: {search: int, low: 1, high: 2}}}}}"],
            "slope.angle",
            "unknown key",
        ),
        (
            ["+tune.space={slope: {search: choice, values: {steep: {slope.angle: {search: int, low: 0, high: 2}}}}}"],
            "slope.angle",
            "must be at least 1, not 0",
        ),
    ],
)
def test_a_mistake_in_a_search_is_said_with_its_place(hill: Toy, words: list[str], key: str, message: str) -> None:
    answer = hill("check", "recipe=hill", *words, "--json")
    assert answer.code == 2
    found = [(fault["key"], fault["message"]) for fault in answer.last["errors"]]
    assert len(found) == 1, found
    assert found[0][0] == key
    assert message in found[0][1]


def test_values_without_a_say_in_the_judged_stage_are_refused(hill: Toy) -> None:
    answer = hill("run", "recipe=hill", "tune.until=ground", "tune.metric=ground.validation_x")
    assert answer.code == 2
    assert "no searched value has a say in ground" in answer.err


def test_gc_lets_go_of_an_old_search_when_no_run_of_it_is_left_and_of_none_of_its_models_before(hill: Hill) -> None:
    assert hill("run", "recipe=hill").code == 0
    (folder,) = (hill.root / ".mlops" / "searches").iterdir()
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    assert json.loads(hill("gc", "--yes", "--json").out)["pieces"] == []
    shutil.rmtree(hill.root / ".mlops" / "runs")
    pieces = json.loads(hill("gc", "--yes", "--json").out)["pieces"]
    assert [piece["name"] for piece in pieces if piece["kind"] == "search"] == [folder.name]
    assert not folder.exists()


def test_explain_shows_a_searched_key_as_searched_and_then_what_was_found(hill: Hill) -> None:
    before = hill("explain", "climb.x", "recipe=hill").out
    assert before.splitlines()[0] == 'climb.x = {"search": "uniform", "low": 0.0, "high": 5.0}'
    assert "searched: uniform, 0 – 5" in before
    assert "found: nothing yet; no trial was made" in before
    assert '"x": {"search": "uniform"' in hill("explain", "climb", "recipe=hill").out
    hill("run", "recipe=hill")
    best = min(_journal(hill), key=lambda trial: trial["score"])["values"]["climb.x"]
    after = hill("explain", "climb.x", "recipe=hill", "--json").last
    assert (after["value"], after["set"][-1]["where"]) == (best, "the search")
    assert after["found"]["trials"] == 6


def test_explain_tells_an_unfinished_search_from_a_finished_one(hill: Hill) -> None:
    hill("run", "recipe=hill")
    told = hill("explain", "climb.x", "recipe=hill", "tune.trials=9")
    assert "the best of 6 of 9 trials so far" in told.out
    assert told.out.splitlines()[0] == 'climb.x = {"search": "uniform", "low": 0.0, "high": 5.0}'


def test_explain_names_the_choice_below_which_a_key_is_searched(hill: Hill) -> None:
    told = hill("explain", "slope.angle", "recipe=hill", "slope=steep", FAMILIES).out
    assert "searched: int, 1 – 9" in told
    told = hill("explain", "slope.offset", "recipe=hill", FAMILIES).out
    assert "searched: uniform, 0 – 1, when slope is flat" in told
