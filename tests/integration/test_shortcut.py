"""A run in which nothing can have changed is recognised; any touch at all is left to the planner."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops import shortcut
from mlops.outcome import Finished
from mlops.project import Project
from tests.toy_project import Ended, Toy

WORDS = ("recipe=file", "scale.note=${oc.env:TOY_NOTE}")


@pytest.fixture
def warm(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A project whose last run left a note."""
    monkeypatch.setattr(shortcut, "MARGIN", 0)
    monkeypatch.setenv("TOY_NOTE", "noted-once")
    toy.run(*WORDS)
    return toy


def _take(toy: Toy, *words: str) -> Finished | None:
    return shortcut.take(Project(toy.root), words or WORDS, out=io.StringIO())


def test_an_untouched_project_takes_the_shortcut(warm: Toy) -> None:
    done = _take(warm)
    assert done is not None
    assert [step.action for step in done.report.steps] == ["reuse", "reuse"]
    assert done.report.metrics == {"scale.sum": 6.0}


def test_the_run_is_recorded_as_any_other(warm: Toy) -> None:
    done = _take(warm)
    assert done is not None
    folder = warm.root / ".mlops" / "runs" / done.run
    assert {path.name for path in folder.iterdir()} >= {"run.json", "recipe.yaml", "events.jsonl", "report.html"}
    assert warm.plan(*WORDS)["scale"]["action"] == "reuse"


def test_it_says_what_a_planned_run_says(warm: Toy) -> None:
    out = io.StringIO()
    assert shortcut.take(Project(warm.root), WORDS, out=out) is not None
    assert "0 to run, 2 to reuse" in out.getvalue()
    assert "done: 0 run, 2 reused" in out.getvalue()


def test_what_was_touched_too_lately_is_left_to_the_planner(warm: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "MARGIN", 10**15)
    assert _take(warm) is None


def _edit(path: str) -> Callable[[Toy], None]:
    def touch(toy: Toy) -> None:
        file = toy.root / path
        file.write_text(file.read_text() + "\n")

    return touch


def _add(path: str, text: str = "") -> Callable[[Toy], None]:
    def add(toy: Toy) -> None:
        file = toy.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return add


def _swap_data(toy: Toy) -> None:
    data = toy.root / "data" / "numbers.csv"
    before = data.stat()
    time.sleep(0.02)
    data.write_text("x\n1\n2\n4\n")
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))


def _harm(toy: Toy) -> None:
    file = next(path / "data.parquet" for path in toy.artifacts)
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"?")


def _forget(toy: Toy) -> None:
    for path in (toy.root / ".mlops" / "store" / "index").glob("*/*.json"):
        path.unlink()


TOUCHES = {
    "the recipe": _edit("recipes/file.yaml"),
    "a helper": _edit("plugins/toy/arithmetic.py"),
    "a new plugin": _add("plugins/more.py"),
    "a config file that may hide a packaged one": _add("conf/executor/local.yaml", "cpus: 1\n"),
    "the data": _edit("data/numbers.csv"),
    "the data, its date kept": _swap_data,
    "an artifact": _harm,
    "the index": _forget,
}


@pytest.mark.parametrize("touched", list(TOUCHES))
def test_a_touch_is_noticed(warm: Toy, touched: str) -> None:
    TOUCHES[touched](warm)
    assert _take(warm) is None


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of libraries."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    return site


def test_another_library_is_noticed(toy: Toy, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "MARGIN", 0)
    before = shortcut._seen(Project(toy.root), [], [])
    time.sleep(0.02)
    (installed / "wonderlib-1.0.dist-info").mkdir()
    assert shortcut._seen(Project(toy.root), [], []) != before


@pytest.mark.parametrize("value", ["noted-twice", None])
def test_another_value_of_an_environment_variable_is_noticed(
    warm: Toy, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("TOY_NOTE")
    else:
        monkeypatch.setenv("TOY_NOTE", value)
    assert _take(warm) is None


def test_other_overrides_have_no_note(warm: Toy) -> None:
    assert _take(warm, "recipe=file", "seed=1") is None


def test_a_stage_that_must_always_run_leaves_no_note(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "MARGIN", 0)
    toy.run("recipe=ask")
    assert _take(toy, "recipe=ask") is None


def test_a_torn_note_is_no_note(warm: Toy) -> None:
    for path in (warm.root / ".mlops" / "cache" / "shortcuts").iterdir():
        path.write_text(path.read_text()[:100])
    assert _take(warm) is None


def test_values_of_environment_variables_are_not_in_the_note(warm: Toy) -> None:
    for path in (warm.root / ".mlops").rglob("*"):
        assert not path.is_file() or b"noted-once" not in path.read_bytes()


def _remove(path: str) -> Callable[[Toy], None]:
    return lambda toy: (toy.root / path).unlink()


MEANWHILE = {
    "an edited recipe": _edit("recipes/file.yaml"),
    "an edited helper": _edit("plugins/toy/arithmetic.py"),
    "a removed config file": _remove("conf/extra.yaml"),
}


@pytest.mark.parametrize("changed", list(MEANWHILE))
def test_what_changes_while_a_run_works_leaves_no_note(
    toy: Toy, ended: Ended, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    monkeypatch.setattr(shortcut, "MARGIN", 0)
    _add("conf/extra.yaml")(toy)
    words = ("recipe=file", "scale.seconds=1")
    process = toy.start("run", *words)
    ended(process)
    events = toy.root / ".mlops" / "runs"
    while not any('"scale"' in path.read_text() for path in events.glob("*/events.jsonl")):
        time.sleep(0.02)
    MEANWHILE[changed](toy)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert _take(toy, *words) is None
