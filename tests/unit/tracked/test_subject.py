"""A run and its tracker, as the run's folder tells them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops.errors import ProjectError
from mlops.plugins import TargetRefused
from mlops.project import Project
from mlops.run_reading import read_run
from mlops.tracked.acknowledgement import Acknowledgement, acknowledged
from mlops.tracked.subject import Subject, has_tracker, subject
from mlops.tracked.wording import explained, without_passwords

TRACKER = "tracker:\n  _target_: mlops_mlflow.tracker.Mlflow\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / ".mlops" / "runs" / "20260102-030405-678-abcd"
    made.mkdir(parents=True)
    git = {"commit": "abc", "branch": "main", "dirty": True}
    facts = {"recipe": "flights", "parent": "sweep-1", "overrides": ["recipe=flights", "a=b"], "seed": 7}
    end = {"started": "2026-01-02T03:04:05+00:00", "ended": "x", "status": "done", "environment": {"git": git}}
    (made / "run.json").write_text(json.dumps(facts | end))
    return made


def _subject(folder: Path, text: str) -> Subject:
    (folder / "recipe.yaml").write_text(text)
    found = subject(Project(folder.parents[2]), folder)
    assert found is not None
    return found


def test_parameters_are_the_recipe_by_dotted_keys(folder: Path) -> None:
    text = "seed: 7\nmodel:\n  lr: 0.01\n  on: true\n  none: null\n  list: [1, a]\n  many: [{a: 1}, {a: 2}]\n  no: {}\n"
    assert _subject(folder, text + TRACKER).seen.parameters == {
        "seed": "7",
        "model.lr": "0.01",
        "model.on": "true",
        "model.none": "null",
        "model.list": '[1, "a"]',
        "model.many.0.a": "1",
        "model.many.1.a": "2",
        "model.no": "{}",
    }


def test_a_long_value_is_cut(folder: Path) -> None:
    assert len(_subject(folder, f"a: {'x' * 600}\n{TRACKER}").seen.parameters["a"]) == 500


def test_passwords_in_addresses_are_left_out(folder: Path) -> None:
    found = _subject(folder, f"data: postgres://me:secret@host/db\n{TRACKER}")
    assert found.seen.parameters["data"] == "postgres://…@host/db"


def test_tags_say_where_the_run_comes_from(folder: Path) -> None:
    found = _subject(folder, f"description: Delays\n{TRACKER}").seen
    assert found.parent == "sweep-1"
    assert found.in_sweep
    assert found.started == 1767323045000
    assert {name: found.tags[name] for name in ("recipe", "overrides", "git.commit", "git.dirty", "description")} == {
        "recipe": "flights",
        "overrides": "recipe=flights a=b",
        "git.commit": "abc",
        "git.dirty": "true",
        "description": "Delays",
    }


def test_a_run_is_described_anew_at_its_end(folder: Path) -> None:
    found = _subject(folder, TRACKER)
    facts = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**facts, "error": "too hot"}))
    assert found.now(read_run(folder)).tags["error"] == "too hot"


@pytest.mark.parametrize("text", ["a: 1\n", "tracker: {}\n", "tracker: null\n", "x:\n  tracker:\n    a: 1\n"])
def test_a_recipe_without_a_tracker_has_none(folder: Path, text: str) -> None:
    (folder / "recipe.yaml").write_text(text)
    assert not has_tracker(folder)
    assert subject(Project(folder.parents[2]), folder) is None


@pytest.mark.parametrize("text", [TRACKER, f"a: 1\n{TRACKER}b: 2\n"])
def test_a_tracker_is_noticed_without_parsing(folder: Path, text: str) -> None:
    (folder / "recipe.yaml").write_text(text)
    assert has_tracker(folder)


def test_a_reference_is_replaced_at_the_moment_of_use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HOST", "http://tracking:5000")
    found = _subject(folder, f"{TRACKER}  uri: ${{oc.env:MLFLOW_HOST}}\n")
    assert getattr(found.tracker, "uri", "") == "http://tracking:5000"
    assert found.mask("at http://tracking:5000") == "at ${oc.env:MLFLOW_HOST}"


def test_a_variable_that_is_not_set_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_HOST", raising=False)
    with pytest.raises(ProjectError, match="MLFLOW_HOST is not set"):
        _subject(folder, f"{TRACKER}  uri: ${{oc.env:MLFLOW_HOST}}\n")


def test_what_is_not_a_tracker_is_refused(folder: Path) -> None:
    with pytest.raises(TargetRefused, match="is not a Tracker"):
        _subject(folder, "tracker:\n  _target_: mlops_sklearn.linear.Linear\n")


def test_an_untrusted_target_is_refused(folder: Path) -> None:
    with pytest.raises(TargetRefused, match="not trusted"):
        _subject(folder, "tracker:\n  _target_: subprocess.Popen\n")


def test_another_tracker_is_another_destination(folder: Path) -> None:
    assert _subject(folder, TRACKER).destination != _subject(folder, f"{TRACKER}  uri: http://x\n").destination


def test_an_acknowledgement_is_read_back(folder: Path) -> None:
    made = Acknowledgement("d", begun=True, offset=5, steps={"a": 1}, complete=True, where="here")
    made.write(folder)
    assert acknowledged(folder) == made


@pytest.mark.parametrize("text", ["", "[]", "{", '{"unknown": 1}'])
def test_a_damaged_acknowledgement_means_that_nothing_was_taken(folder: Path, text: str) -> None:
    (folder / "tracking.json").write_text(text)
    assert acknowledged(folder) == Acknowledgement()


def test_troubles_hide_secrets_and_passwords() -> None:
    trouble = ValueError("http://me:pw@host said tok-123")
    assert explained(trouble, lambda text: text.replace("tok-123", "***")) == (
        "ValueError: http://…@host said ***",
        "",
    )


def test_a_text_without_an_address_is_left_alone() -> None:
    assert without_passwords("me@home says a:b@c") == "me@home says a:b@c"
