"""``mlops deploy | status | rollback | stop`` as a person uses them, and a target of one's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from mlops.cli import main
from mlops.deploying.standing import target_of
from mlops.services.audit import AuditLog
from mlops.services.target import remember
from mlops.stage import Place
from mlops.workspace import Workspace
from mlops_serve.local import Local
from tests.serving import Client, make_bundle

MINE = '''"""A target that only writes down what it was told."""

from mlops.errors import ProjectError
from mlops.services.registry import ModelVersion
from mlops.services.target import Deployed, Served, Strategy, Target, folder_of, remember
from mlops.stage import Place
from mlops.workspace import Workspace
from mlops_serve.local import Local


class Note(Target):
    """Write a note instead of serving."""

    greeting: str = "hello"
    """What the note begins with."""

    def release(self, name: str, version: ModelVersion, strategy: Strategy, place: Place) -> Deployed:
        """Write it."""
        folder = folder_of(name, place)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "note.txt").write_text(f"{self.greeting} {version.model} {version.digest}")
        remember(name, self, place)
        return self.status(name, place)

    def status(self, name: str, place: Place) -> Deployed:
        """Read it."""
        greeting, model, digest = (folder_of(name, place) / "note.txt").read_text().split()
        return Deployed(name, "note", "steady", (Served(model, 7, digest, ""),), note=greeting)

    def deployments(self, place: Place) -> tuple[str, ...]:
        """Name the notes."""
        return tuple(path.parent.name for path in (place.state / "deployments").glob("*/note.txt"))

    def rollback(self, name: str, place: Place, *, why: str) -> Deployed:
        """There is only one note."""
        raise ProjectError("a note cannot be taken back")

    def stop(self, name: str, place: Place) -> Deployed:
        """Leave the note."""
        return self.status(name, place)
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with two bundles; its deployments end with the test."""
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    make_bundle(tmp_path / "one")
    make_bundle(tmp_path / "two", factor=3.0)
    make_bundle(tmp_path / "other", column="z")
    yield tmp_path
    for path in (tmp_path / ".mlops" / "deployments").glob("*/deployment.json"):
        main(["stop", path.parent.name])


Said = pytest.CaptureFixture[str]


def told(said: Said, *words: str) -> Any:
    """Run a verb that must succeed; give its JSON."""
    assert main([*words, "--json"]) == 0, said.readouterr().err
    return json.loads(said.readouterr().out)


def test_a_bundle_is_deployed_replaced_rolled_back_and_stopped(project: Path, capsys: Said) -> None:
    first = told(capsys, "deploy", "model=one", "deployment=toy", "target.port=0")
    shutil.rmtree(project / "one")
    second = told(capsys, "deploy", "model=two", "deployment=toy")
    assert second["url"] == first["url"]
    with closing(Client(second["url"])) as client:
        assert client.predict()["prediction"] == {"prediction": 10.0}
    back = told(capsys, "rollback", "toy", "--why", "worse by far")
    assert back["served"] == first["served"]
    with closing(Client(second["url"])) as client:
        assert client.predict()["prediction"] == {"prediction": 7.0}
    assert told(capsys, "status", "toy")["phase"] == "aborted"
    assert told(capsys, "stop", "toy")["phase"] == "stopped"
    deeds = [(deed.action, deed.facts.get("why", "")) for deed in AuditLog(project / ".mlops").read("deployment/toy")]
    assert deeds == [("deploy", ""), ("deploy", ""), ("rollback", "worse by far"), ("stop", "")]


def test_a_stopped_deployment_is_started_again_by_its_name(project: Path, capsys: Said) -> None:
    told(capsys, "deploy", "model=one", "deployment=toy", "target.port=0")
    told(capsys, "stop", "toy")
    again = told(capsys, "deploy", "toy")
    with closing(Client(again["url"])) as client:
        assert client.predict()["prediction"] == {"prediction": 7.0}


def test_a_key_is_not_forgotten_by_who_deploys_the_next_version(
    project: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_KEY", "a-key-that-nobody-guesses")
    told(capsys, "deploy", "model=one", "deployment=toy", "target.port=0", "target.api_key=${oc.env:TOY_KEY}")
    found = told(capsys, "deploy", "model=two", "deployment=toy")
    with closing(Client(found["url"])) as client:
        assert client.ask("GET", "/version")[0] == 401
    monkeypatch.setenv("TOY_KEY", "another-key-that-nobody-guesses")
    found = told(capsys, "deploy", "model=two", "deployment=toy", "target.api_key=${oc.env:TOY_KEY}")
    with closing(Client(found["url"], {"X-API-Key": "another-key-that-nobody-guesses"})) as client:
        assert client.ask("GET", "/version")[0] == 200


def test_gc_keeps_what_is_deployed(project: Path, capsys: Said) -> None:
    found = told(capsys, "deploy", "model=one", "deployment=toy", "target.port=0")
    told(capsys, "stop", "toy")
    digest = found["served"][0]["digest"]
    assert told(capsys, "gc", "--yes")["pinned"] == {"deployment/toy": [digest]}
    assert main(["gc"]) == 0
    assert "kept for deployment/toy: 1 artifact, 1 of them of no run that is left" in capsys.readouterr().out
    assert (project / ".mlops" / "store" / "artifacts" / digest[:2] / digest / "model.onnx").is_file()


def test_status_of_nothing_says_how_to_deploy(project: Path, capsys: Said) -> None:
    assert main(["status"]) == 0
    assert "mlops deploy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["deploy"], "not said what to deploy"),
        (["deploy", "model=one", "bundle=two"], "model and bundle cannot go together"),
        (["deploy", "model=one", "targt=local"], "did you mean 'target'"),
        (["deploy", "model=one", "target=lokal"], "(?s)no target 'lokal'.*did you mean 'local'"),
        (["deploy", "model=one", "strategy=canry"], "(?s)no strategy 'canry'.*did you mean 'canary'"),
        (["deploy", "model=one", "target.prt=1"], "(?s)no key 'prt'; did you mean 'port'.*conf/target/local.yaml"),
        (["deploy", "model=one", "target.port=many"], "port: Input should be a valid integer"),
        (["deploy", "model=one", "target.host=0.0.0.0"], "0.0.0.0 can be reached from elsewhere: set an api_key"),
        (["deploy", "model=one", "target.api_key=short"], "the api_key has 5 characters"),
        (["deploy", "model=one", "strategy=canary", "strategy.steps=[0.5]"], "steps must grow and end with 1.0"),
        (["deploy", "model=one", "deployment=a/b"], "'a/b' is no name for a deployment"),
        (["deploy", "bundle=nothing"], "no bundle in a folder 'nothing'"),
        (["deploy", "nothing"], "there is no deployment 'nothing'"),
        (["status", "nothing"], "(?s)there is no deployment 'nothing'.*mlops deploy"),
        (["rollback", "nothing"], "there is no deployment 'nothing'"),
        (["stop", "nothing"], "there is no deployment 'nothing'"),
    ],
)
def test_mistakes_are_said_with_their_fix(project: Path, capsys: Said, words: list[str], message: str) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert not (project / ".mlops" / "deployments" / "one").exists()


def test_a_target_of_ones_own_works_with_every_verb(
    project: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "plugins").mkdir()
    (project / "plugins" / "mine.py").write_text(MINE)
    (project / "conf" / "target").mkdir(parents=True)
    (project / "conf" / "target" / "note.yaml").write_text("_target_: mine.Note\n")
    monkeypatch.syspath_prepend(str(project / "plugins"))
    found = told(capsys, "deploy", "model=one", "target=note", "target.greeting=salve")
    assert (found["target"], found["note"], found["served"][0]["model"]) == ("note", "salve", "one")
    assert told(capsys, "status")[0]["note"] == "salve"
    assert told(capsys, "stop", "one")["phase"] == "steady"
    assert main(["rollback", "one"]) == 2
    assert "cannot be taken back" in capsys.readouterr().err


def test_a_deployment_whose_supervisor_was_killed_is_told_by_doctor(project: Path, capsys: Said) -> None:
    told(capsys, "deploy", "model=one", "deployment=toy", "target.port=0")
    assert told(capsys, "doctor", "deployments")["counts"]["ok"] == 1
    supervisor = told(capsys, "status", "toy")["facts"]["pid"]
    os.kill(supervisor, signal.SIGKILL)
    while told(capsys, "status", "toy")["phase"] != "failed":
        time.sleep(0.02)
    (finding,) = told(capsys, "doctor", "deployments")["findings"]
    assert finding["level"] == "warn"
    assert "toy should serve and does not: it is not running" in finding["what"]
    assert finding["fix"].startswith("mlops deploy toy")


def test_target_that_needs_its_key_is_looked_at_without_it(project: Path) -> None:
    place = Place(project, project / ".mlops")
    (project / ".mlops" / "deployments" / "toy").mkdir(parents=True)
    remember("toy", Local(host="0.0.0.0", api_key=SecretStr("a-key-that-nobody-guesses")), place)  # noqa: S104 - never started
    found = target_of(Workspace.here(), place, "toy")
    assert isinstance(found, Local)
    assert found.api_key is None
