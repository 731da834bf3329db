"""The way from data to what was made of it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops.ancestry import Lineage, Node, trace
from mlops.ancestry.page import render_page
from mlops.ancestry.view import render
from mlops.errors import ProjectError
from mlops.project import Project
from tests.toy_project import TOY, Toy

PUBLISH = '''
"""Stages that register and deploy, for tests."""

from __future__ import annotations

from mlops.formats import Table
from mlops.formats.deployment import Deployment
from mlops.formats.registration import Registration
from mlops.stage import Context, Stage


class Register(Stage):
    """Give a table a number."""

    def run(self, table: Table, *, context: Context) -> Registration:
        facts = {"model": "sums", "version": 3, "digest": context.digests["table"], "alias": "champion"}
        return Registration.create(context.output("registration"), facts)


class Deploy(Stage):
    """Send it somewhere."""

    def run(self, registration: Registration, *, context: Context) -> Deployment:
        known = {key: registration.facts[key] for key in ("model", "version", "digest")}
        facts = {"name": "shop", "target": "local", **known}
        return Deployment.create(context.output("deployment"), facts)
'''

REGISTRY = '''
"""A registry that knows one alias, for tests."""

from __future__ import annotations

from pathlib import Path

from mlops.services.registry import ModelVersion, NewVersion, Registry
from mlops.stage import Place


class Fixed(Registry):
    """Lets ``best`` of ``sums`` be version 3."""

    def register(self, new: NewVersion, place: Place) -> ModelVersion:
        raise NotImplementedError

    def models(self, place: Place) -> tuple[str, ...]:
        return ("sums",)

    def versions(self, model: str, place: Place) -> tuple[ModelVersion, ...]:
        raise NotImplementedError

    def point(self, model: str, alias: str, *, version: int | None, place: Place) -> None:
        raise NotImplementedError

    def holder(self, model: str, alias: str, place: Place) -> ModelVersion | None:
        return ModelVersion(model, 3, "0" * 64, Path(), "now") if alias == "best" else None
'''

STANDING = '''
"""A registry and a target that say what files say, for tests."""

from __future__ import annotations

import json
from pathlib import Path

from mlops.services.registry import ModelVersion, NewVersion, Registry
from mlops.services.target import Deployed, Served, Strategy, Target, folder_of
from mlops.stage import Place


class Kept(Registry):
    """Knows one model, whose aliases stand in a file."""

    file: str = "aliases.json"

    def register(self, new: NewVersion, place: Place) -> ModelVersion:
        raise NotImplementedError

    def models(self, place: Place) -> tuple[str, ...]:
        raise NotImplementedError

    def versions(self, model: str, place: Place) -> tuple[ModelVersion, ...]:
        raise NotImplementedError

    def point(self, model: str, alias: str, *, version: int | None, place: Place) -> None:
        raise NotImplementedError

    def known(self, model: str, place: Place) -> tuple[ModelVersion, ...]:
        held = json.loads((place.root / self.file).read_text())
        return tuple(
            ModelVersion(model, int(number), "0" * 64, Path(), "now", aliases=tuple(aliases))
            for number, aliases in held.items()
        )

    def holder(self, model: str, alias: str, place: Place) -> ModelVersion | None:
        return next((item for item in self.known(model, place) if alias in item.aliases), None)


class Shares(Target):
    """Serves what a file says."""

    def release(self, name: str, version: ModelVersion, strategy: Strategy, place: Place) -> Deployed:
        raise NotImplementedError

    def status(self, name: str, place: Place) -> Deployed:
        kept = json.loads((folder_of(name, place) / "shares.json").read_text())
        served = tuple(Served("sums", number, digest, "", share) for number, digest, share in kept["served"])
        return Deployed(name, "shares", kept["phase"], served)

    def deployments(self, place: Place) -> tuple[str, ...]:
        raise NotImplementedError

    def rollback(self, name: str, place: Place, *, why: str) -> Deployed:
        raise NotImplementedError

    def stop(self, name: str, place: Place) -> Deployed:
        raise NotImplementedError
'''

PUBLISHED = """# From a file to a deployment. Try: mlops run recipe=published
stages: [read, scale, register, deploy]
read: {_target_: toy.numbers.Read, path: data/numbers.csv}
scale: {_target_: toy.numbers.Scale, factor: 2.0}
register: {_target_: toy.publish.Register}
deploy: {_target_: toy.publish.Deploy}
"""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the plugins that were imported from a test's project, as other tests have others of that name."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A project in which a model was registered and deployed; tests only look at it."""
    toy = Toy(tmp_path_factory.mktemp("published") / "project")
    shutil.copytree(TOY, toy.root, ignore=shutil.ignore_patterns("__pycache__"))
    (toy.root / "plugins" / "toy" / "publish.py").write_text(PUBLISH)
    (toy.root / "recipes" / "published.yaml").write_text(PUBLISHED)
    (toy.root / "plugins" / "toy" / "fixed.py").write_text(REGISTRY)
    (toy.root / "conf" / "registry").mkdir(parents=True)
    (toy.root / "conf" / "registry" / "mlflow.yaml").write_text(
        "# A registry. Try: mlops lineage sums@best\n_target_: toy.fixed.Fixed\n"
    )
    toy.run("recipe=published")
    return toy


@dataclass(frozen=True)
class Standing:
    """A published project whose registry and deployments say what a test wants."""

    toy: Toy

    def alias(self, **aliases: list[str]) -> None:
        """Let versions, written as v3, have aliases."""
        held = {name.removeprefix("v"): found for name, found in aliases.items()}
        (self.toy.root / "aliases.json").write_text(json.dumps(held))

    def serve(self, name: str, *served: tuple[int, float], phase: str = "steady") -> None:
        """Let a deployment serve versions."""
        folder = self.toy.root / ".mlops" / "deployments" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "target.json").write_text('{"_target_": "toy.standing.Shares"}')
        kept = {"phase": phase, "served": [[number, "0" * 64, share] for number, share in served]}
        (folder / "shares.json").write_text(json.dumps(kept))

    def nodes(self, asked: str) -> dict[str, Node]:
        """Give title → node of a lineage, asked for in a process of its own as it loads the project's plugins."""
        answer = self.toy("lineage", asked, "--json")
        assert answer.code == 0, answer.err
        return {node["title"]: Node(**{**node, "reads": tuple(node["reads"])}) for node in answer.last["nodes"]}


@pytest.fixture
def standing(published: Toy, tmp_path: Path) -> Standing:
    """Version 3 is registered; no deployment is known to a target."""
    root = tmp_path / "standing"
    shutil.copytree(published.root, root)
    (root / "plugins" / "toy" / "standing.py").write_text(STANDING)
    (root / "conf" / "registry" / "mlflow.yaml").write_text(
        "# A registry in a file. Try: mlops lineage sums@champion\n_target_: toy.standing.Kept\n"
    )
    made = Standing(Toy(root))
    made.alias(v3=[])
    return made


def traced(toy: Toy, name: str = "last") -> Lineage:
    return trace(Project(toy.root), name)


def titles(lineage: Lineage) -> list[str]:
    return [node.title for node in lineage.nodes]


def digest_of(toy: Toy, run: str) -> str:
    """Digest of what the first stage of a run made."""
    return next(iter(traced(toy, run).nodes[0].outputs.values()))


def test_the_way_leads_from_a_deployment_to_the_data(published: Toy) -> None:
    lines = published("lineage").out.splitlines()
    assert lines[1].startswith("deployment shop  version sums@3")
    assert [line.replace("└─", "").split()[0] for line in lines[1:]] == [
        *("deployment", "deploy", "register", "scale", "read", "data"),
        "model",
        "register",
    ]
    assert "data data/numbers.csv  digest " in lines[6]


@pytest.mark.parametrize("name", ["sums@3", "sums@champion", "sums@latest"])
def test_a_registered_version_is_asked_for_by_number_or_alias(published: Toy, name: str) -> None:
    assert titles(traced(published, name)) == ["data/numbers.csv", "read", "scale", "register", "sums@3"]


def test_an_alias_is_where_the_registry_has_it_now(published: Toy) -> None:
    assert '"title": "sums@3"' in published("lineage", "sums@best", "--json").out


def test_a_deployment_is_asked_for_by_its_name(published: Toy) -> None:
    last = traced(published, "shop").nodes[-1]
    assert (last.title, last.facts["version"]) == ("shop", "sums@3")


def test_each_thing_comes_after_those_that_it_is_made_from(published: Toy) -> None:
    told: set[str] = set()
    for node in traced(published).nodes:
        assert set(node.reads) <= told
        told.add(node.id)


def test_an_artifact_is_asked_for_by_the_beginning_of_its_digest(published: Toy) -> None:
    digest = next(node for node in traced(published).nodes if node.title == "scale").outputs["table"]
    assert titles(traced(published, digest[:10])) == ["data/numbers.csv", "read", "scale"]


def test_a_reused_artifact_leads_to_the_run_that_made_it(toy: Toy) -> None:
    first = toy.run("recipe=chain")["run"]
    second = toy.run("recipe=chain", "again.factor=9.0")["run"]
    assert f"made by {first}" in render(traced(toy, second))
    assert traced(toy, digest_of(toy, second)).run == first


def test_a_page_is_drawn_that_runs_nothing(published: Toy) -> None:
    page = render_page(traced(published))
    assert page.count("<g>") == 7
    assert "<script" not in page
    assert "default-src &#x27;none&#x27;" in page


def test_a_page_is_written_and_json_is_printed(published: Toy) -> None:
    answer = published("lineage", "shop", "--html", "way.html", "--json")
    assert (published.root / "way.html").read_text().startswith("<!doctype html>")
    assert answer.last["nodes"][0]["kind"] == "source"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nothing", "looked among runs, digests of artifacts, registered versions"),
        ("sums@9", "there are sums@3"),
        ("sum@1", "models are sums"),
    ],
)
def test_what_is_not_there_is_told_with_what_there_is(published: Toy, name: str, told: str) -> None:
    with pytest.raises(ProjectError, match=r"nothing is called|no run registered") as caught:
        traced(published, name)
    assert told in str(caught.value)


def test_a_project_without_runs_says_how_to_make_one(toy: Toy) -> None:
    with pytest.raises(ProjectError, match="there are no runs yet"):
        traced(toy)


def test_no_variable_is_data(toy: Toy) -> None:
    toy("run", "recipe=chain", "check.secret=${oc.env:TOKEN}", TOKEN="hunter2-hunter2")
    assert titles(traced(toy)) == ["count", "scale", "check", "again"]


def test_aliases_are_those_of_now_and_not_of_the_registration(standing: Standing) -> None:
    standing.alias(v3=["challenger", "best"])
    assert standing.nodes("sums@3")["sums@3"].facts["aliases now"] == "challenger, best"
    standing.alias(v3=[])
    assert standing.nodes("sums@3")["sums@3"].facts["aliases now"] == "none"


def test_a_registry_that_does_not_tell_leaves_the_alias_of_the_registration(standing: Standing) -> None:
    (standing.toy.root / "conf" / "registry" / "mlflow.yaml").unlink()
    assert standing.nodes("sums@3")["sums@3"].facts["registered as"] == "champion"


def test_an_alias_that_nobody_has_now_is_refused_with_those_that_there_are(standing: Standing) -> None:
    standing.alias(v3=["challenger"])
    told = standing.toy("lineage", "sums@champion").err
    assert "no version of sums is 'champion' now" in told
    assert "versions are 3 = challenger" in told


def test_the_registry_of_the_run_s_recipe_is_asked(standing: Standing) -> None:
    (recipe,) = (standing.toy.root / ".mlops" / "runs").glob("*/recipe.yaml")
    recipe.chmod(0o644)
    with recipe.open("a") as file:
        file.write("registry: {_target_: toy.standing.Kept, file: others.json}\n")
    (standing.toy.root / "others.json").write_text('{"3": ["theirs"]}')
    assert standing.nodes("sums@3")["sums@3"].facts["aliases now"] == "theirs"


def test_deployments_that_serve_the_version_now_end_the_way(standing: Standing) -> None:
    standing.serve("street", (2, 0.9), (3, 0.1), phase="rolling")
    standing.serve("elsewhere", (2, 1.0))
    lines = standing.toy("lineage", "sums@3").out.splitlines()
    assert lines[1] == "deployment street  target shares, serves now sums@2 90%, sums@3 10%, phase rolling"
    assert lines[2].startswith("└─ model sums@3  aliases now none, digest ")
    assert "elsewhere" not in "".join(lines)


def test_a_stage_s_deployment_is_told_as_it_is_now(standing: Standing) -> None:
    standing.serve("shop", (5, 1.0))
    facts = standing.nodes("last")["shop"].facts
    assert (facts["version"], facts["serves now"]) == ("sums@3", "sums@5 100%")


def test_a_deployment_stands_for_the_version_that_leads_it_now(standing: Standing) -> None:
    standing.serve("street", (3, 0.6), (9, 0.4))
    assert list(standing.nodes("street")) == ["data/numbers.csv", "read", "scale", "register", "sums@3", "street"]
    standing.serve("street", (3, 0.4), (9, 0.6))
    assert "no run registered sums@9" in standing.toy("lineage", "street").err


def test_a_stopped_deployment_is_on_the_way_only_when_it_is_asked_for(standing: Standing) -> None:
    standing.serve("street", (3, 1.0), phase="stopped")
    assert "street" not in standing.nodes("sums@3")
    assert standing.nodes("street")["street"].reads == ("model:sums@3",)


def test_a_page_and_json_tell_who_serves_now(standing: Standing) -> None:
    standing.serve("street", (3, 1.0))
    standing.alias(v3=["best"])
    answer = standing.toy("lineage", "sums@best", "--html", "way.html", "--json")
    assert answer.last["nodes"][-1]["facts"]["serves now"] == "sums@3 100%"
    page = (standing.toy.root / "way.html").read_text()
    assert "serves now: sums@3 100%" in page
    assert "aliases now: best" in page
