"""What a change of a project changes, told in Markdown."""

from __future__ import annotations

import shutil

import pytest

from tests.toy_project import TOY, Toy
from tests.toy_repository import Repository

ARITHMETIC = "plugins/toy/arithmetic.py"


@pytest.fixture
def repository(toy: Toy) -> Repository:
    made = Repository(toy.root)
    made.begin()
    return made


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, str]:
    """A repository with one changed key and a hook, and the report on it."""
    made = Repository(tmp_path_factory.mktemp("changed") / "project")
    shutil.copytree(TOY, made.root, ignore=shutil.ignore_patterns("__pycache__"))
    made.begin()
    hook = made.root / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    made.edit("recipes/chain.yaml", "factor: 3.0", "factor: 4.0")
    return made, report(made, "recipe=chain")


def report(repository: Repository, *words: str) -> str:
    answer = repository("report", "pr", "--base", "main", *words)
    assert answer.code == 0, answer.err
    return answer.out


def test_a_changed_key_names_its_place_and_the_stages_that_run_again(changed: tuple[Repository, str]) -> None:
    told = changed[1]
    assert "1 of 4 stages run again, 1 key changes, same data." in told
    assert "| `again.factor` | `3.0 → 4.0` | `recipes/chain.yaml:" in told
    assert "| `again` | **runs** | `again.factor 3.0 → 4.0 (recipes/chain.yaml:" in told
    assert "| `count` | same |" in told


def test_equal_facts_give_equal_text(changed: tuple[Repository, str]) -> None:
    repository, told = changed
    assert report(repository, "recipe=chain") == told


def test_no_trees_of_the_base_are_left_behind(changed: tuple[Repository, str]) -> None:
    repository, _ = changed
    assert len(repository.git("worktree", "list").splitlines()) == 1
    assert list((repository.root / ".mlops" / "store" / "tmp").iterdir()) == []


def test_no_hook_of_the_repository_is_run(changed: tuple[Repository, str]) -> None:
    assert not list(changed[0].root.rglob("hooked"))


@pytest.mark.slow
def test_nothing_changes_against_itself(repository: Repository) -> None:
    told = report(repository)
    assert "Unchanged: `chain`, `file`." in told
    assert "`a database cannot be fingerprinted`" in told
    assert "**Recipe**" not in told


def test_changed_code_runs_the_stages_below_again(repository: Repository) -> None:
    repository.edit(ARITHMETIC, "return frame * factor", "return factor * frame")
    told = report(repository, "recipe=chain")
    assert f"| `scale` | **runs** | `{ARITHMETIC} changed` |" in told
    assert "`check runs again`" in told


def test_changed_data_is_told_with_its_digests(repository: Repository) -> None:
    (repository.root / "data" / "numbers.csv").write_text("x\n1\n2\n3\n4\n")
    told = report(repository, "recipe=file")
    assert "data changes" in told
    assert "| `data/numbers.csv` | `" in told


@pytest.mark.slow
def test_rows_are_compared_when_both_trees_were_run(repository: Repository) -> None:
    repository.run("recipe=file")
    before = (repository.root / "data" / "numbers.csv").read_text()
    (repository.root / "data" / "numbers.csv").write_text(before + "7\n")
    repository.run("recipe=file")
    rows = len(before.splitlines()) - 1
    assert f"`{rows} → {rows + 1} rows (+1)`" in report(repository, "recipe=file")


def test_numbers_of_both_runs_stand_side_by_side(repository: Repository) -> None:
    base = repository.run("recipe=chain")["run"]
    repository.edit("recipes/chain.yaml", "factor: 3.0", "factor: 4.0")
    head = repository.run("recipe=chain")["run"]
    told = repository("report", "pr", "--base", "main", "--json", "recipe=chain").last["recipes"][0]
    assert (told["base_run"], told["head_run"]) == (base, head)
    assert [(item["part"], item["was"], item["now"]) for item in told["metrics"]] == [("again", 60.0, 80.0)]


@pytest.mark.slow
def test_a_run_of_another_tree_is_not_taken_for_this_one(repository: Repository) -> None:
    repository.run("recipe=chain")
    repository.edit("recipes/chain.yaml", "factor: 3.0", "factor: 4.0")
    assert "no finished run of this tree is recorded here" in report(repository, "recipe=chain")


@pytest.mark.slow
def test_a_sample_run_is_not_taken_for_the_whole(repository: Repository) -> None:
    repository.run("recipe=chain", "count.rows=2")
    told = repository("report", "pr", "--base", "main", "--json", "recipe=chain").last["recipes"][0]
    assert told["head_run"] == ""


@pytest.mark.slow
def test_a_new_recipe_has_nothing_to_compare_with(repository: Repository) -> None:
    text = (repository.root / "recipes" / "chain.yaml").read_text()
    (repository.root / "recipes" / "new.yaml").write_text(text)
    told = report(repository)
    assert "### `new`" in told
    assert "`the base has no such stage`" in told
    assert "there is nothing to compare with" in told


@pytest.mark.slow
def test_a_recipe_with_mistakes_is_reported_and_ends_with_2(repository: Repository) -> None:
    repository.edit("recipes/chain.yaml", "factor: 3.0", "fcator: 3.0")
    answer = repository("report", "pr", "--base", "main", "recipe=chain")
    assert answer.code == 2
    assert "The recipe cannot be read:" in answer.out
    assert "fcator" in answer.out


def test_a_report_can_be_written_to_a_file(repository: Repository) -> None:
    answer = repository("report", "pr", "--base", "main", "--output", "report.md", "recipe=chain")
    assert answer.code == 0, answer.err
    assert (
        (repository.root / "report.md").read_text().startswith("<!-- mlops report -->\n## What changes against `main`")
    )


def test_a_base_that_git_does_not_know_is_refused_with_a_fix(repository: Repository) -> None:
    answer = repository("report", "pr", "--base", "nowhere", "recipe=chain")
    assert answer.code == 2
    assert "git knows no commit 'nowhere'" in answer.err
    assert "fix: git fetch" in answer.err


def test_a_base_that_looks_like_a_flag_is_a_name(repository: Repository) -> None:
    answer = repository("report", "pr", "--base=--help", "recipe=chain")
    assert answer.code == 2
    assert "git knows no commit '--help'" in answer.err


def test_a_project_outside_of_git_has_no_base(toy: Toy) -> None:
    answer = toy("report", "pr", "--base", "main", "recipe=chain")
    assert answer.code == 2
    assert "the project is in no git repository" in answer.err


def test_secrets_are_references_in_a_report(repository: Repository) -> None:
    repository.edit(
        "recipes/chain.yaml",
        "  _target_: toy.numbers.Check",
        "  _target_: toy.numbers.Check\n  secret: ${oc.env:TOKEN}",
    )
    answer = repository("report", "pr", "--base", "main", "recipe=chain", TOKEN="hunter2-hunter2")
    assert answer.code == 0, answer.err
    assert "oc.env:TOKEN" in answer.out
    assert "hunter2" not in answer.out + answer.err


def test_only_the_report_of_a_change_exists(toy: Toy) -> None:
    assert toy("report").code == 2
    assert toy("report", "weather").code == 2
