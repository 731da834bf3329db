"""``mlops init``: a project that runs as it is."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from mlops.cli import main
from mlops.project import Project
from mlops.stage import Stage
from mlops.workspace import Workspace
from mlops.yaml_file import parse

FILES = [
    ".gitignore",
    ".mlops/recipe.schema.json",
    "README.md",
    "conf/model/small.yaml",
    "data/parcels.csv",
    "plugins/parcels.py",
    "recipes/parcels.yaml",
]


@pytest.fixture
def _forget_plugins() -> Iterator[None]:
    """Each project has a plugin of the same name: leave none imported."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    sys.modules.pop("parcels", None)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _forget_plugins: None) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "my project"]) == 0
    monkeypatch.chdir(tmp_path / "my project")
    return tmp_path / "my project"


def _written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_makes_every_file(project: Path) -> None:
    assert _written(project) == FILES


@pytest.mark.usefixtures("_forget_plugins")
def test_ends_with_the_commands_to_give_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["init", "my project"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == ["  cd 'my project'", "  mlops plan recipe=parcels", "  mlops run recipe=parcels"]


@pytest.mark.parametrize("override", ["seed=7", "model=small"])
def test_the_recipe_has_no_mistakes(project: Path, override: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "recipe=parcels", override]) == 0
    assert "no mistakes" in capsys.readouterr().out


def test_the_recipe_fits_the_schema_that_it_names(project: Path) -> None:
    recipe = (project / "recipes/parcels.yaml").read_text()
    first = recipe.splitlines()[0]
    schema = (project / "recipes" / first.partition("$schema=")[2]).resolve()
    Draft7Validator(json.loads(schema.read_text())).validate(parse(recipe, "parcels.yaml").root.data())


def test_the_stage_is_under_ten_lines(project: Path) -> None:
    module = ast.parse((project / "plugins/parcels.py").read_text())
    (stage,) = (node for node in module.body if isinstance(node, ast.ClassDef))
    assert stage.end_lineno is not None
    assert stage.end_lineno - stage.lineno + 1 < 10
    assert issubclass(Workspace.here().plugins.resolve("parcels.Effort", Stage), Stage)


def test_the_recipe_runs_as_far_as_the_own_stage(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["run", "recipe=parcels", "executor.cpus=1", "--to", "effort", "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(step["stage"], step["action"]) for step in report["steps"]] == [("data", "run"), ("effort", "run")]


@pytest.mark.parametrize("path", ["conf/model/small.yaml", "recipes/parcels.yaml"])
def test_a_shipped_file_opens_with_what_it_is_and_its_command(project: Path, path: str) -> None:
    lines = (project / path).read_text().splitlines()
    comment = [line for line in lines[:3] if line.startswith("# ") and "$schema" not in line]
    assert comment[1].startswith("# Run it: mlops run recipe=parcels")


@pytest.mark.parametrize(
    ("file", "config"),
    [("conf/split/random.yaml", "split/random"), ("recipes/flights.yaml", "recipe/flights")],
)
def test_the_projects_files_come_before_the_packaged_ones(project: Path, file: str, config: str) -> None:
    (project / file).parent.mkdir(parents=True, exist_ok=True)
    (project / file).write_text("# mine\n")
    found = Workspace(Project(project)).catalog.load(config)
    assert found is not None
    assert found.text == "# mine\n"


def test_the_projects_plugins_are_trusted(project: Path) -> None:
    assert "parcels" in Workspace(Project(project)).plugins.trusted()


@pytest.mark.usefixtures("_forget_plugins")
def test_fills_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    assert main(["init", str(tmp_path / "here")]) == 0
    assert _written(tmp_path / "here") == FILES


def test_names_what_it_would_overwrite_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipes").mkdir()
    for name in ("README.md", "recipes/parcels.yaml"):
        (tmp_path / name).write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert "already holds README.md, recipes/parcels.yaml" in capsys.readouterr().err
    assert _written(tmp_path) == ["README.md", "recipes/parcels.yaml"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_refuses_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_text("mine")
    assert main(["init", str(tmp_path / "x")]) == 2
    assert "is a file" in capsys.readouterr().err


@pytest.mark.usefixtures("_forget_plugins")
def test_tells_machines_what_it_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "p"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(told["files"]) == FILES
    assert told["project"] == str(tmp_path / "p")
    assert told["next"][-1] == "mlops run recipe=parcels"
