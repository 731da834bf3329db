"""Workflows that are written: valid, safe, made for the recipe, never over what is there."""

from __future__ import annotations

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from mlops.errors import ProjectError
from mlops.workflows import Choices, write_workflows
from mlops.workflows.writing import FOLDER, render_workflows
from tests.toy_project import TOY, Toy
from tests.toy_repository import Repository

NAMES = ["mlops-pull-request.yml", "mlops-release.yml", "mlops-watch.yml"]

UNTRUSTED = re.compile(
    r"github\.(event\.(?!pull_request\.(number|base\.sha|head\.repo\.full_name)\b)|head_ref|actor|ref_name)"
)
"""What somebody who opens a pull request may write, in any words."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The workflows of the toy project: name → text."""
    toy = Toy(tmp_path_factory.mktemp("written") / "project")
    shutil.copytree(TOY, toy.root, ignore=shutil.ignore_patterns("__pycache__"))
    answer = toy("ci", "init", "github", "--recipe", "chain")
    assert answer.code == 0, answer.err
    return {path.name: path.read_text() for path in sorted((toy.root / ".github" / "workflows").iterdir())}


def jobs_of(text: str) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(text)["jobs"]
    return jobs


def steps_of(text: str) -> list[dict[str, Any]]:
    return [step for job in jobs_of(text).values() for step in job["steps"]]


def test_three_workflows_are_written(written: dict[str, str]) -> None:
    assert list(written) == NAMES


def test_each_fits_the_published_schema(written: dict[str, str]) -> None:
    folder = files("check_jsonschema") / "builtin_schemas" / "vendor" / "github-workflows.json"
    schema = Draft7Validator(json.loads(folder.read_text(encoding="utf-8")))
    for name, text in written.items():
        # YAML 1.1 reads the key "on" as true.
        workflow = {("on" if key is True else key): value for key, value in yaml.safe_load(text).items()}
        assert [error.message for error in schema.iter_errors(workflow)] == [], name


def test_each_opens_with_what_it_is_and_the_command_that_wrote_it(written: dict[str, str]) -> None:
    assert all(text.startswith("# ") and "Written by: mlops ci init github" in text for text in written.values())


def test_no_expression_stands_in_a_script(written: dict[str, str]) -> None:
    scripts = [step["run"] for text in written.values() for step in steps_of(text) if "run" in step]
    assert len(scripts) > 10
    assert [script for script in scripts if "${{" in script] == []


def test_nothing_that_a_stranger_writes_is_used(written: dict[str, str]) -> None:
    assert [found[0] for text in written.values() for found in UNTRUSTED.finditer(text)] == []
    assert "pull_request_target" not in "".join(written.values())


def test_the_token_may_read_and_one_job_may_comment(written: dict[str, str]) -> None:
    assert all(yaml.safe_load(text)["permissions"] == {"contents": "read"} for text in written.values())
    granted = {
        name: job["permissions"]
        for text in written.values()
        for name, job in jobs_of(text).items()
        if "permissions" in job
    }
    assert granted == {"comment": {"pull-requests": "write"}}


def test_the_job_that_may_comment_runs_nothing_of_the_pull_request(written: dict[str, str]) -> None:
    steps = jobs_of(written[NAMES[0]])["comment"]["steps"]
    assert [step.get("uses", "gh").split("@")[0] for step in steps] == ["actions/download-artifact", "gh"]


def test_actions_are_pinned_and_leave_no_credentials(written: dict[str, str]) -> None:
    steps = [step for text in written.values() for step in steps_of(text) if "uses" in step]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in steps)
    checkouts = [step for step in steps if step["uses"].startswith("actions/checkout@")]
    assert len(checkouts) == 3
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_releases_and_retrainings_wait_for_one_another(written: dict[str, str]) -> None:
    groups = [yaml.safe_load(written[name])["concurrency"] for name in NAMES]
    assert groups[1] == groups[2] == {"group": "mlops-release", "cancel-in-progress": False}
    assert groups[0]["cancel-in-progress"] is True


def test_every_job_has_a_timeout(written: dict[str, str]) -> None:
    assert all("timeout-minutes" in job for text in written.values() for job in jobs_of(text).values())


def test_neither_salt_nor_servers_files_are_cached(written: dict[str, str]) -> None:
    caches = [
        step["with"]["path"] for text in written.values() for step in steps_of(text) if "cache@" in step.get("uses", "")
    ]
    assert len(caches) == 3
    assert all("!.mlops/salt" in path and "!.mlops/deployments" in path for path in caches)


def test_a_pull_request_stops_before_anything_is_registered(toy: Toy) -> None:
    (toy.root / "plugins" / "toy" / "publish.py").write_text(
        '"""Registers, for tests."""\n\nfrom __future__ import annotations\n\nfrom mlops.formats import Table\n'
        "from mlops.formats.registration import Registration\nfrom mlops.stage import Context, Stage\n\n\n"
        'class Register(Stage):\n    """Give a table a number."""\n\n'
        "    def run(self, table: Table, *, context: Context) -> Registration:\n        raise NotImplementedError\n"
    )
    (toy.root / "recipes" / "published.yaml").write_text(
        "stages: [count, scale, register]\ncount: {_target_: toy.counting.Count}\n"
        "scale: {_target_: toy.numbers.Scale}\nregister: {_target_: toy.publish.Register}\n"
    )
    assert toy("ci", "init", "github", "--recipe", "published", "--sample", "count.rows=2").code == 0
    text = (toy.root / ".github" / "workflows" / NAMES[0]).read_text()
    assert 'run: "mlops run recipe=published count.rows=2 --to scale"' in text
    assert 'run: "mlops run recipe=published --to scale"' in text
    assert "run: mlops run recipe=published\n" in (toy.root / ".github" / "workflows" / NAMES[1]).read_text()


def test_what_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / NAMES[1]
    path.parent.mkdir(parents=True)
    path.write_text("mine\n")
    with pytest.raises(ProjectError, match="already; nothing was written"):
        write_workflows(tmp_path, Choices("chain"))
    assert [file.name for file in path.parent.iterdir()] == [NAMES[1]]
    assert write_workflows(tmp_path, Choices("chain"), force=True) == [f".github/workflows/{name}" for name in NAMES]
    assert path.read_text() != "mine\n"


def test_the_same_workflows_may_be_written_again(tmp_path: Path) -> None:
    assert write_workflows(tmp_path, Choices("chain")) == write_workflows(tmp_path, Choices("chain"))


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / NAMES[0]).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProjectError, match="nothing was written"):
        write_workflows(tmp_path, Choices("chain"))
    assert not (tmp_path / "elsewhere").exists()


def test_one_of_several_recipes_must_be_named(toy: Toy) -> None:
    answer = toy("ci", "init", "github")
    assert answer.code == 2
    assert "recipes are ask, chain, file" in answer.err


def test_a_project_below_the_top_of_its_repository_is_refused(toy: Toy) -> None:
    above = Repository(toy.root.parent)
    above.begin()
    answer = toy("ci", "init", "github", "--recipe", "chain")
    assert answer.code == 2
    assert "not at the top of its repository" in answer.err


@pytest.mark.parametrize("file", ["requirements.txt", "pyproject.toml"])
def test_the_project_s_own_list_of_libraries_is_installed(toy: Toy, file: str) -> None:
    (toy.root / file).write_text("")
    assert toy("ci", "init", "github", "--recipe", "chain").code == 0
    steps = steps_of((toy.root / ".github" / "workflows" / NAMES[0]).read_text())
    install = next(step["run"] for step in steps if step.get("name") == "Install")
    assert install == ("pip install -r requirements.txt" if file == "requirements.txt" else "pip install -e '.[all]'")
    python = next(step["with"] for step in steps if "setup-python" in step.get("uses", ""))
    assert python["cache-dependency-path"] == file


@pytest.mark.parametrize(
    "words",
    [
        {"recipe": "a b"},
        {"recipe": "x; rm -rf ."},
        {"recipe": "../x"},
        {"recipe": "$(id)"},
        {"recipe": "-x"},
        {"recipe": "a", "branch": "main\njobs:"},
        {"recipe": "a", "python": "3.11; id"},
        {"recipe": "a", "install": "echo ${{ github.event.issue.title }}"},
        {"recipe": "a", "install": "one\ntwo"},
        {"recipe": "a", "sample": ("x=${{ secrets.TOKEN }}",)},
        {"recipe": "a", "runner": "ubuntu-latest]"},
    ],
)
def test_words_that_are_not_plain_are_refused(words: dict[str, Any]) -> None:
    with pytest.raises(ProjectError, match=r"no plain name|no version|cannot stand"):
        Choices(**words)


def test_what_a_shell_would_read_otherwise_is_quoted() -> None:
    choices = Choices("churn", sample=("data.where=a > 1; id",), install='pip install "x"  # yes')
    text = render_workflows(choices)[f".github/workflows/{NAMES[0]}"]
    runs = [step["run"] for step in steps_of(text) if "run" in step]
    assert "mlops run recipe=churn 'data.where=a > 1; id'" in runs
    assert 'pip install "x"  # yes' in runs
