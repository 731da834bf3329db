"""Runs carried out again: bit for bit, with other code, at the commit, without effects."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.toy_project import TOY, Answer, Ended, Toy
from tests.toy_repository import Repository

ARITHMETIC = "plugins/toy/arithmetic.py"

RELEASE = '''
"""A stage that tells the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops.formats import Table
from mlops.stage import Context, Place, Stage


class Release(Stage):
    """Write a table where others see it."""

    def stands(self, made: Mapping[str, Any], place: Place) -> str:
        return "" if (place.root / "released").exists() else "nothing is released"

    def run(self, table: Table, *, context: Context) -> Table:
        (context.place.root / "released").open("a").write("once\\n")
        return Table.create(context.output("table"), table.read(), roles=table.roles)
'''

RELEASED = """# A release, and a stage that reads it. Try: mlops run recipe=released
stages: [count, release, scale]
count: {_target_: toy.counting.Count}
release: {_target_: toy.release.Release}
scale: {_target_: toy.numbers.Scale, factor: 2.0}
"""


@pytest.fixture
def repository(toy: Toy) -> Repository:
    made = Repository(toy.root)
    made.begin()
    return made


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Toy, Answer]:
    """A project with one run, and what its replay said."""
    toy = Toy(tmp_path_factory.mktemp("replayed") / "project")
    shutil.copytree(TOY, toy.root, ignore=shutil.ignore_patterns("__pycache__"))
    toy.run("recipe=chain")
    return toy, toy("reproduce", "last")


def test_a_run_is_reproduced_bit_for_bit(replayed: tuple[Toy, Answer]) -> None:
    answer = replayed[1]
    assert answer.code == 0, answer.err
    assert "reproduced bit for bit: 5 of 5 outputs and 2 of 2 metrics equal" in answer.out


def test_a_replay_uses_none_of_the_runs_artifacts(replayed: tuple[Toy, Answer]) -> None:
    assert replayed[1].out.count("done in") == 4


def test_a_replay_leaves_nothing_behind(replayed: tuple[Toy, Answer]) -> None:
    toy, _ = replayed
    assert len(list((toy.root / ".mlops" / "runs").iterdir())) == 1
    assert len(toy.artifacts) == 4
    assert list((toy.root / ".mlops" / "store" / "tmp").iterdir()) == []


@pytest.mark.slow
def test_what_a_replay_makes_can_be_kept(toy: Toy) -> None:
    toy.run("recipe=chain")
    answer = toy("reproduce", "last", "--keep", "again")
    assert answer.code == 0, answer.err
    assert len(list((toy.root / "again" / "store" / "artifacts").glob("*/*"))) == len(toy.artifacts)


def test_a_folder_that_holds_something_is_not_taken_to_keep_a_replay_in(toy: Toy) -> None:
    toy.run("recipe=chain")
    answer = toy("reproduce", "last", "--keep", "data")
    assert answer.code == 2
    assert "is not an empty folder" in answer.err


def test_other_code_is_told_before_and_its_first_difference_after(repository: Repository) -> None:
    repository.run("recipe=chain")
    repository.edit(ARITHMETIC, "return frame * factor", "return frame * factor + 1")
    answer = repository("reproduce", "last")
    assert answer.code == 1
    told, _, compared = answer.out.partition("stage  output")
    assert f"code {ARITHMETIC}:" in told
    assert "--at-commit" in told
    assert "differs: data.parquet: column x, row 1: 0.0 → 1.0 (5 of 5 rows)" in compared
    assert "20.0 → 25.0 (+5)" in compared
    assert compared.rstrip().endswith("the first difference is in scale.table")


def test_the_commit_of_a_run_is_replayed_when_asked_for(repository: Repository) -> None:
    repository.run("recipe=chain")
    repository.edit(ARITHMETIC, "return frame * factor", "return frame * factor + 1")
    repository.edit("recipes/chain.yaml", "rows: 5", "rows: 7")
    repository.commit("other arithmetic")
    answer = repository("reproduce", "last", "--at-commit", "--json")
    assert answer.code == 0, answer.err
    assert answer.last["equal"] is True
    assert answer.last["commit"] == repository.git("rev-parse", "HEAD~1")
    assert len(repository.git("worktree", "list").splitlines()) == 1


@pytest.mark.slow
def test_a_replay_at_a_commit_reads_data_that_git_does_not_hold(repository: Repository) -> None:
    repository.git("rm", "--quiet", "--cached", "data/numbers.csv")
    (repository.root / ".gitignore").write_text(".mlops/\ndata/\n__pycache__/\n")
    repository.commit("data is not kept in git")
    repository.run("recipe=file")
    answer = repository("reproduce", "last", "--at-commit")
    assert answer.code == 0, answer.err


def test_a_run_outside_of_git_has_no_commit_to_replay(toy: Toy) -> None:
    toy.run("recipe=chain")
    answer = toy("reproduce", "last", "--at-commit")
    assert answer.code == 2
    assert "outside of any git commit" in answer.err


@pytest.mark.parametrize("change", ["other bytes", "missing"])
def test_data_that_changed_is_refused_with_a_fix(toy: Toy, change: str) -> None:
    toy.run("recipe=file")
    path = toy.root / "data" / "numbers.csv"
    if change == "missing":
        path.unlink()
    else:
        path.write_text("x\n9\n")
    answer = toy("reproduce", "last")
    assert answer.code == 2
    assert f"data/numbers.csv: {'is missing' if change == 'missing' else 'has other bytes'}" in answer.err
    assert "fix: bring it back" in answer.err


@pytest.mark.slow
def test_strict_refuses_other_code(repository: Repository) -> None:
    repository.run("recipe=chain")
    repository.edit(ARITHMETIC, "return frame * factor", "return factor * frame")
    answer = repository("reproduce", "last", "--strict")
    assert answer.code == 2
    assert "--strict: 1 thing is not as in run" in answer.err


def test_stages_that_act_outside_are_left_out_with_all_that_needs_them(toy: Toy) -> None:
    (toy.root / "plugins" / "toy" / "release.py").write_text(RELEASE)
    (toy.root / "recipes" / "released.yaml").write_text(RELEASED)
    toy.run("recipe=released")
    answer = toy("reproduce", "last")
    assert answer.code == 0, answer.err
    assert "left out: release (it acts outside its outputs, on what may have changed since)" in answer.out
    assert "left out: scale (it needs release, which is left out)" in answer.out
    assert (toy.root / "released").read_text() == "once\n"


def test_a_secret_of_the_run_is_in_nothing_that_a_replay_prints(toy: Toy) -> None:
    toy("run", "recipe=chain", "check.secret=${oc.env:TOKEN}", TOKEN="hunter2-hunter2")
    answer = toy("reproduce", "last", TOKEN="hunter2-hunter2")
    assert answer.code == 0, answer.err
    assert "hunter2" not in answer.out + answer.err


@pytest.mark.slow
def test_another_value_of_a_variable_is_other_data(toy: Toy) -> None:
    toy("run", "recipe=chain", "check.secret=${oc.env:TOKEN}", TOKEN="hunter2-hunter2")
    answer = toy("reproduce", "last", TOKEN="other-other")
    assert answer.code == 2
    assert "${oc.env:TOKEN}: the variable has another value" in answer.err


@pytest.mark.slow
def test_stages_that_a_failed_run_finished_are_reproduced(toy: Toy) -> None:
    assert toy("run", "recipe=chain", "check.refuse=true").code == 1
    answer = toy("reproduce", "last")
    assert answer.code == 0, answer.err
    assert "left out: check (the run did not finish it)" in answer.out


@pytest.mark.slow
def test_a_run_that_made_nothing_cannot_be_compared(toy: Toy) -> None:
    (toy.root / "plugins" / "toy" / "counting.py").write_text(
        (toy.root / "plugins" / "toy" / "counting.py")
        .read_text()
        .replace("deadline = ", "raise OSError\n        deadline = ")
    )
    assert toy("run", "recipe=chain").code == 1
    answer = toy("reproduce", "last")
    assert answer.code == 2
    assert "made nothing that could be compared" in answer.err


@pytest.mark.slow
def test_artifacts_that_are_gone_are_compared_by_digest_alone(toy: Toy) -> None:
    toy.run("recipe=chain")
    record = next((toy.root / ".mlops" / "runs").iterdir()) / "run.json"
    record.write_text(record.read_text().replace(toy.artifacts[0].name, "0" * 64))
    answer = toy("reproduce", "last")
    assert answer.code == 1
    assert "the run's own artifact is no longer in the store" in answer.out


@pytest.mark.slow
def test_a_killed_replay_is_cleared_away_by_the_next(repository: Repository, ended: Ended) -> None:
    repository.run("recipe=chain", "scale.seconds=1")
    process = repository.start("reproduce", "last", "--at-commit")
    ended(process)
    _until_a_tree_is_there(repository)
    process.send_signal(signal.SIGKILL)
    process.wait()
    answer = repository("reproduce", "last")
    assert answer.code == 0, answer.err
    assert list((repository.root / ".mlops" / "store" / "tmp").iterdir()) == []
    repository("reproduce", "last", "--at-commit")
    assert len(repository.git("worktree", "list").splitlines()) == 1


def _until_a_tree_is_there(repository: Repository) -> None:
    deadline = time.monotonic() + 60
    while not list((repository.root / ".mlops" / "store" / "tmp").glob("*/state/store/artifacts/*/*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_churn_is_reproduced_bit_for_bit(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    project = Toy(tmp_path)
    project.run("recipe=churn", "--to", "parity")
    answer = project("reproduce", "last", "--json")
    assert answer.code == 0, answer.out
    assert {item["stage"] for item in answer.last["compared"]} >= {"data", "features", "train", "evaluate", "bundle"}
    assert answer.last["equal"] is True


def test_the_process_of_a_replay_answers_nobody_but_its_parent(tmp_path: Path) -> None:
    asked = json.dumps({"parent": 1})
    done = subprocess.run(
        [sys.executable, "-m", "mlops.reproduction"], input=asked, capture_output=True, text=True, check=False, cwd=TOY
    )
    assert done.returncode == 1
    assert done.stdout == ""
