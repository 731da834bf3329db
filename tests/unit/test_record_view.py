from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlops.commands.runs import main
from mlops.errors import ProjectError
from mlops.record import RunFacts, RunRecord

STEP: dict[str, Any] = {
    "stage": "data",
    "action": "run",
    "seconds": 1.5,
    "peak_memory": 3 * 2**20,
    "key": "k1",
    "made_by": "earlier",
    "outputs": {"table": {"format": "table", "digest": "d" * 64}, "plain": {"format": "table", "digest": "e" * 64}},
    "summaries": {"table": "10 rows × 2 columns"},
    "metrics": {"rows": 10.0, "share": 0.123456789, "a": 1.0, "b": 2.0},
    "ingredients": {"target": "mlops_polars.data.Data", "parameters": {"rows": 10}},
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def a_run(project: Path, *, recipe: str = "flights", rows: int = 10) -> str:
    environment = {"git": {"commit": "c" * 40, "branch": "trunk", "dirty": True}, "gpus": [{"name": "A10"}]}
    facts = RunFacts(recipe, overrides=(f"data.rows={rows}",), seed=0, environment=environment)
    with RunRecord.open(project / ".mlops" / "runs", facts) as record:
        record.event("stage-finished", **STEP | {"ingredients": {"parameters": {"rows": rows}}})
        record.finish("done")
    return record.id


def test_the_list_shows_one_run_a_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = a_run(project)
    assert main([]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "recipe", "status", "started", "took", "stages", "overrides", "metrics"]
    assert line.startswith(f"{name}  flights  done")
    assert line.endswith("1 run   data.rows=10  data.rows 10, data.share 0.12346 +2")


def test_without_runs_the_list_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "mlops run recipe=NAME" in capsys.readouterr().out


def test_the_list_is_filtered(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_run(project)
    other = a_run(project, recipe="churn")
    main(["--recipe", "churn", "--status", "done", "--limit", "1", "--json"])
    assert [run["id"] for run in json.loads(capsys.readouterr().out)] == [other]


def test_one_run_is_shown_with_its_stages_and_metrics(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = a_run(project)
    assert main(["show", "last"]) == 0
    shown = capsys.readouterr().out
    assert f"run        {name}\nrecipe     flights\noverrides  data.rows=10\nstatus     done" in shown
    assert "git        cccccccccccc trunk, with changes" in shown
    assert "gpu        A10" in shown
    assert "data   run     1.5 s  3.0 MiB  earlier  table 10 rows × 2 columns; plain eeeeeeeeeeee" in shown
    assert "data.share  0.12346" in shown


@pytest.mark.parametrize("words", [["show", "last", "--json"], ["--json", "show", "last"]])
def test_one_run_is_shown_as_json(project: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    name = a_run(project)
    main(words)
    assert json.loads(capsys.readouterr().out)["id"] == name


def test_two_runs_are_compared(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = a_run(project), a_run(project, rows=20)
    assert main(["diff", first, second]) == 0
    assert capsys.readouterr().out == f"{first} → {second}\n\nparameters\n  data.rows  10 → 20\n"


def test_removal_is_shown_first_and_done_on_yes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = a_run(project)
    main(["rm", "last"])
    assert capsys.readouterr().out == f"would remove {name}\nnothing is removed yet: add --yes\n"
    main(["rm", name, name, "--yes", "--json"])
    assert json.loads(capsys.readouterr().out) == {"runs": [name], "removed": True}
    assert list((project / ".mlops" / "runs").iterdir()) == []


def test_an_unknown_run_among_several_stops_before_any_is_removed(project: Path) -> None:
    name = a_run(project)
    with pytest.raises(ProjectError, match="no run 'gone'"):
        main(["rm", name, "gone", "--yes"])
    assert (project / ".mlops" / "runs" / name).is_dir()
