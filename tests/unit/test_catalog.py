from __future__ import annotations

import pytest

from mlops.catalog import Catalog, Default, near, target_of
from mlops.errors import Fault
from mlops.project import Project
from tests.conftest import Files


@pytest.fixture
def catalog(project: Files) -> Catalog:
    project.write(
        {
            "recipes/a.yaml": "defaults: [b]\n",
            "recipes/team/c.yaml": "{}",
            "recipes/odd.yml": "{}",
            "conf/model/tree.yaml": "leaves: 3\n",
            "conf/model/deep/net.yaml": "layers: 3\n",
            "conf/split/random.yaml": "own: true\n",
        }
    )
    (project.root / "recipes" / "out.yaml").symlink_to("/etc/hostname")
    return Catalog(Project(project.root))


def test_recipes_and_choices_are_listed(catalog: Catalog) -> None:
    assert {"a", "team/c"} <= set(catalog.recipes())
    assert catalog.options("model")[:1] != []
    assert "tree" in catalog.options("model")
    assert catalog.options("model/deep") == ["net"]
    assert {"model", "model/deep", "split", "executor"} <= set(catalog.groups())


def test_own_file_hides_the_packaged_one(catalog: Catalog) -> None:
    file = catalog.load("split/random")
    assert file is not None
    assert (file.name, file.root.data()) == ("conf/split/random.yaml", {"own": True})


def test_file_is_read_once(catalog: Catalog) -> None:
    assert catalog.load("model/tree") is catalog.load("model/tree.yaml")


@pytest.mark.parametrize(
    "name", ["recipe/../a", "recipe/..", "../x", "/etc/passwd", "recipe//a", "recipe/.a", "recipe/out", "recipe/none"]
)
def test_paths_and_links_that_lead_out_are_not_found(catalog: Catalog, name: str) -> None:
    assert catalog.locate(name) is None
    assert catalog.load(name) is None


@pytest.mark.parametrize(
    ("group", "choice", "message", "fix"),
    [
        ("model", "tre", "there is no model 'tre'", "did you mean 'tree'?"),
        ("recipe", "odd", "there is no recipe 'odd'", "rename odd.yml to odd.yaml"),
        ("recipe", "out", "is a link that leads out of recipes/", "copy the file there"),
        ("recipe", "../a", "is not a name", "did you mean 'a'?"),
        ("recipe", "recipes/a.yaml", "there is no recipe 'recipes/a.yaml'", "did you mean 'a'?"),
    ],
)
def test_absence_is_explained(catalog: Catalog, group: str, choice: str, message: str, fix: str) -> None:
    found = catalog.absence(group, choice)
    assert message in found[0]
    assert fix in found[1]


def defaults(project: Files, text: str, name: str = "recipe/x") -> tuple[list[Default], list[Fault]]:
    folder = "recipes" if name.startswith("recipe/") else "conf"
    project.write({f"{folder}/{name.removeprefix('recipe/')}.yaml": text})
    return Catalog(Project(project.root)).defaults(name)


def test_entries_are_read_with_their_places(project: Files) -> None:
    found, faults = defaults(project, "defaults:\n  - base\n  - _self_\n  - override model: tree\n  - /split: null\n")
    assert faults == []
    assert [(str(e.place), e.text, e.choice, e.group) for e in found] == [
        ("recipes/x.yaml:2:5", "base", None, ""),
        ("recipes/x.yaml:3:5", "_self_", None, ""),
        ("recipes/x.yaml:4:5", "override /model", "tree", "model"),
        ("recipes/x.yaml:5:5", "/split", "null", "split"),
    ]
    assert [e.override for e in found] == [False, False, True, False]


def test_entries_of_a_group_file_are_relative_to_it(project: Files) -> None:
    (entry,), _ = defaults(project, "defaults: [{deep: net}]\n", "model/tree")
    assert (entry.group, entry.path) == ("model/deep", "model/deep/net")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defaults: {a: b}", "must be a list"),
        ("defaults: [3]", "each item names one file"),
        ("defaults: [[a]]", "each item names one file"),
        ("defaults: [{a: b, c: d}]", "each item names one file"),
        ("defaults: [{a: [b]}]", "a group takes the name of one choice"),
        ("defaults: [{optinal a: b}]", "unknown word 'optinal'"),
        ("defaults: [{'': b}]", "an entry names a group"),
    ],
)
def test_malformed_entries_are_faults(project: Files, text: str, message: str) -> None:
    found, faults = defaults(project, text)
    assert found == []
    assert [message in fault.message for fault in faults] == [True]


def test_override_decides_where_an_entry_leads(project: Files) -> None:
    (entry,), _ = defaults(project, "defaults: [{model: tree}]")
    assert target_of("recipe/x", entry, {}) == "model/tree"
    assert target_of("recipe/x", entry, {"model": "net"}) == "model/net"


def test_near_names_are_suggested_else_all_are_listed() -> None:
    assert near("tre", ["tree", "net"]) == "did you mean 'tree'?"
    assert near("zzz", ["tree", "net"], what="choose from") == "choose from tree, net"
    assert near("zzz", []) == ""
