"""The way from data to what was made of it."""

from __future__ import annotations

import shutil

import pytest

from mlops.ancestry import Lineage, trace
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

PUBLISHED = """# From a file to a deployment. Try: mlops run recipe=published
stages: [read, scale, register, deploy]
read: {_target_: toy.numbers.Read, path: data/numbers.csv}
scale: {_target_: toy.numbers.Scale, factor: 2.0}
register: {_target_: toy.publish.Register}
deploy: {_target_: toy.publish.Deploy}
"""


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
