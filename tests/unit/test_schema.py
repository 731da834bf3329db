"""The JSON Schema of recipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from mlops.catalog import Catalog
from mlops.commands.schema import FILE, main
from mlops.plugins import Plugins
from mlops.project import Project
from mlops.schema import recipe_schema, schema_text
from mlops.schema.models import keys_of, or_reference
from mlops.yaml_file import parse
from tests.faults.corpus import Case, _inside, cases

ROOT = Path(__file__).parents[2]

PLUGIN = '''
from __future__ import annotations
from abc import ABC, abstractmethod
from typing import Annotated, Literal
from pydantic import BaseModel, ConfigDict, Field
from mlops.formats import Table
from mlops.stage import Context, Part, Stage


class Oven(Part, ABC):
    """Bakes."""

    @abstractmethod
    def bake(self) -> None: ...


class Gas(Oven):
    """Bakes with gas."""

    bottles: int = 1
    """Bottles of gas."""

    def bake(self) -> None: ...


class Wood(Part, ABC):
    """A class of another family."""


class Stone(Oven):
    """Bakes on stone."""

    logs: Annotated[int, Field(ge=1, le=9)] = 3
    """Logs of ``wood``."""

    def bake(self) -> None: ...


class Topping(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    """What it is."""

    grams: float = 10.0


class Bake(Stage):
    """Make a table of loaves."""

    oven: Oven
    """What bakes."""

    hours: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """How long, as ``share`` of a day."""

    crust: Literal["thin", "thick"] = "thin"
    """How the crust is to be."""

    loaves: int = 1
    names: tuple[str, ...] = ()
    hot: bool = True
    toppings: tuple[Topping, ...] = ()
    by_day: dict[str, Topping] = {}
    label: str | None = None

    def run(self, flour: Table, *, context: Context) -> Table: ...
'''
FILES = {
    "conf/oven/gas.yaml": "# An oven with gas.\n_target_: schema_bakery.Gas\nbottles: 2\n",
    "conf/oven/stone.yaml": "# An oven of stone.\n# Try it: mlops run\n_target_: schema_bakery.Stone\n",
    "conf/bake/bread.yaml": "# Bake bread.\n_target_: schema_bakery.Bake\noven: ${oven}\n",
    "recipes/loaf.yaml": "# A loaf.\ndefaults: [{data: table}, {bake: bread}, {oven: gas}, _self_]\n"
    "stages: [data, bake, again]\n"
    "days: 3\nagain: {_target_: schema_bakery.Bake, oven: {_target_: schema_bakery.Gas}, loaves: '${days}'}\n",
    "recipes/team/rolls.yaml": "defaults: [loaf, _self_]\n",
    "plugins/schema_bakery.py": PLUGIN,
}
GAS = "defaults: [{oven: gas}, {bake: bread}]\n"


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bakery")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def schema(bakery: Path) -> dict[str, Any]:
    return _made(bakery)


def _made(root: Path) -> dict[str, Any]:
    return recipe_schema(Catalog(Project(root)), Plugins(root / "plugins"))


def _accepts(schema: dict[str, Any], text: str) -> bool:
    file = parse(text, "recipe.yaml")
    assert not file.faults
    return bool(Draft7Validator(schema).is_valid(file.root.data()))


def _hover(schema: dict[str, Any], target: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["definitions"][f"target:{target}"]["properties"][key]
    return found


def test_is_a_valid_draft_7_schema(schema: dict[str, Any]) -> None:
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_every_reference_has_a_definition(schema: dict[str, Any]) -> None:
    text = schema_text(schema)
    wanted = {part.split('"')[0] for part in text.split('"#/definitions/')[1:]}
    assert wanted <= set(schema["definitions"])
    assert '"x-part"' not in text
    assert "{}" not in {json.dumps(value) for value in schema["definitions"].values()}


@pytest.mark.parametrize(
    "text",
    [
        "defaults: [loaf, _self_]\nseed: 3\n",
        "defaults: [team/rolls]\n",
        "defaults: [/recipe/loaf, /bake/bread, '/oven/gas@spare']\n",
        "defaults: [loaf, {override oven: stone}, {override /bake: bread}]\noven: {logs: 4}\n",
        "defaults: [{optional oven: gas}, {oven@spare: stone}, {bake: null}, {override hydra/launcher: joblib}]\n",
        "defaults: [{oven: '${choice}'}, {bake: '???'}]\n",
        f"{GAS}oven: {{bottles: 3}}\nbake: {{hours: 0.4, crust: thick, names: [a, b], hot: false, label: null}}\n",
        "defaults: [loaf]\noven: {logs: 4}\n",
        "defaults: [loaf]\noven: {bottles: 4}\n",
        f"{GAS}oven: {{_target_: schema_bakery.Stone, logs: 4}}\n",
        f"{GAS}bake: {{oven: {{_target_: schema_bakery.Stone, logs: 4}}}}\n",
        f"{GAS}bake: {{oven: '${{oven}}', hours: '${{h}}', hot: '${{oc.env:HOT}}', toppings: '${{t}}'}}\n",
        f"{GAS}bake: {{toppings: [{{name: nuts, grams: '${{g}}'}}, '${{nuts}}'], by_day: {{monday: {{grams: 2}}}}}}\n",
        f"{GAS}bake: {{inputs: {{flour: data.table}}, retries: 2, timeout: 10m, enabled: false, executor: local}}\n",
        f"{GAS}bake: {{timeout: 90, resources: {{cpus: 2, memory: 4GiB}}, loaves: '???'}}\n",
        "mine: {_target_: schema_bakery.Bake, loaves: 2}\nstages: [mine]\n",
        "defaults: [loaf]\nagain: {loaves: 3}\ndays: 4\nstages: [data, bake]\n",
        "hydra: {sweeper: {max_batch_size: 2}}\n",
        "defaults: [{bake: bread}]\nstages: [bake]\n",
        "defaults: [loaf]\nstages: [bake]\n",
        "defaults: [{oven@bake: gas}]\nstages: [bake, new]\nnew: {_target_: schema_bakery.Bake}\n",
    ],
)
def test_accepts_what_is_right(schema: dict[str, Any], text: str) -> None:
    assert _accepts(schema, text)


@pytest.mark.parametrize(
    "text",
    [
        "sede: 3\n",
        "seed: much\n",
        "seed: -1\n",
        "seed: 1.5\n",
        "description: [a]\n",
        "stages: []\n",
        "stages: bake\n",
        "stages: [bake, bake]\n",
        "stages: [bake]\n",
        "defaults: [{oven: gas}, _self_]\nstages: [bake]\noven: {bottles: 3}\n",
        "defaults: [laof]\n",
        "defaults: loaf\n",
        "defaults: [/recipe/laof]\n",
        "defaults: [{ovne: gas}]\n",
        "defaults: [{oven: gsa}]\n",
        "defaults: [{override oven: gsa}]\n",
        "defaults: [{overide oven: gas}]\n",
        "defaults: [{oven: gas, bake: bread}]\n",
        "defaults: [{oven: [gas]}]\n",
        "vobe: {logs: 3}\n",
        "mine: {_target_: os.system}\n",
        "mine: {_target_: schema_bakery.Baek}\n",
        "mine: {_target_: schema_bakery.Bake, loafs: 3}\n",
        "mine: {loaves: 3}\n",
        f"{GAS}oven: {{logs: 3}}\n",
        f"{GAS}oven: gas\n",
        f"{GAS}oven: {{_target_: schema_bakery.Stone, bottles: 4}}\n",
        f"{GAS}oven: {{_target_: schema_bakery.Bake}}\n",
        f"{GAS}oven: {{_target_: schema_bakery.Stone, logs: 10}}\n",
        f"{GAS}bake: {{oven: {{_target_: schema_bakery.Bake}}}}\n",
        f"{GAS}bake: {{oven: {{_target_: schema_bakery.Stone, log: 4}}}}\n",
        f"{GAS}bake: {{oven: {{log: 4}}}}\n",
        f"{GAS}bake: {{hours: 1}}\n",
        f"{GAS}bake: {{hours: '0.5'}}\n",
        f"{GAS}bake: {{crust: thik}}\n",
        f"{GAS}bake: {{loaves: true}}\n",
        f"{GAS}bake: {{hot: 1}}\n",
        f"{GAS}bake: {{names: a}}\n",
        f"{GAS}bake: {{names: [1]}}\n",
        f"{GAS}bake: {{label: 3}}\n",
        f"{GAS}bake: {{toppings: [{{grams: 3}}]}}\n",
        f"{GAS}bake: {{toppings: [{{name: nuts, gram: 3}}]}}\n",
        f"{GAS}bake: {{by_day: {{monday: {{gram: 3}}}}}}\n",
        f"{GAS}bake: {{inputs: {{flower: data}}}}\n",
        f"{GAS}bake: {{retries: -1}}\n",
        f"{GAS}bake: {{timeout: soon}}\n",
        f"{GAS}bake: {{executor: ray_of_light}}\n",
        f"{GAS}bake: {{resources: {{cpu: 2}}}}\n",
        f"{GAS}bake: {{resources: {{memory: lots}}}}\n",
        f"{GAS}oven: {{retries: 1}}\n",
    ],
)
def test_refuses_what_is_wrong(schema: dict[str, Any], text: str) -> None:
    assert not _accepts(schema, text)


def test_hover_text_has_type_limits_default_and_sentence(schema: dict[str, Any]) -> None:
    hours = _hover(schema, "schema_bakery.Bake", "hours")
    assert hours["title"] == "hours: number, > 0, < 1; default 0.5"
    assert hours["description"] == "How long, as 'share' of a day."
    assert hours["default"] == 0.5
    assert hours["anyOf"][0] == {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}


def test_a_literal_becomes_an_enum(schema: dict[str, Any]) -> None:
    assert _hover(schema, "schema_bakery.Bake", "crust")["anyOf"][0]["enum"] == ["thin", "thick"]


def test_a_choice_is_described_by_the_comment_that_opens_its_file(schema: dict[str, Any]) -> None:
    assert schema["properties"]["oven"]["description"] == "gas: An oven with gas.\n\nstone: An oven of stone."
    entry = schema["properties"]["defaults"]["items"]["anyOf"][1]["properties"]["oven"]["anyOf"][0]
    assert dict(zip(entry["enum"], entry["enumDescriptions"], strict=True))["stone"] == "An oven of stone."


def test_recipes_in_folders_can_be_extended(schema: dict[str, Any]) -> None:
    names = schema["properties"]["defaults"]["items"]["anyOf"][0]["anyOf"][0]["enum"]
    assert {"_self_", "loaf", "team/rolls"} <= set(names)


def test_text_needs_no_place_for_references() -> None:
    assert or_reference({"type": "string", "title": "t"}) == {"type": "string", "title": "t"}


def test_a_model_that_holds_itself_is_described() -> None:
    from mlops.stage import Part

    class Tree(Part):
        height: int = 1
        left: Tree | None = None

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    assert set(keys_of(Tree)) == {"height", "left"}


def test_the_same_project_gives_the_same_bytes(bakery: Path) -> None:
    command = [sys.executable, "-m", "mlops", "schema", "--output", "-"]
    made = {
        subprocess.run(
            command, cwd=bakery, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1
    assert json.loads(made.pop())["properties"]["oven"]


def test_writes_the_schema_where_recipes_look_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert f".mlops/{FILE}" in capsys.readouterr().out
    written = json.loads((tmp_path / ".mlops" / FILE).read_text())
    assert written["title"] == "mlops recipe"


def test_prints_the_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["--output", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "mlops recipe"
    assert not (tmp_path / ".mlops").exists()


def test_says_where_it_wrote_for_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["--json", "--output", "x.json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"written": "x.json"}


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    return _made(ROOT)


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").rglob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_recipe_is_accepted(shipped: dict[str, Any], path: Path) -> None:
    errors = Draft7Validator(shipped).iter_errors(parse(path.read_text(), path.name).root.data())
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


SEEN = {
    *("unknown_key_in_stage", "misspelt_reserved_key", "unknown_key_in_nested_model", "unknown_key_in_list_of_models"),
    *("unknown_key_in_mapping_of_models", "unknown_key_in_part_by_reference", "unknown_key_in_part_inline"),
    *("unknown_key_in_list_of_parts", "unknown_key_under_resources", "unknown_top_level_key", "misspelt_target_key"),
    *("unknown_key_set_in_two_files", "text_for_number", "quoted_number", "number_for_text", "flag_for_text"),
    *("flag_for_number", "number_for_flag", "text_for_flag", "fraction_for_whole_number", "list_for_mapping"),
    *("mapping_for_list", "text_for_list", "wrong_item_of_a_list", "null_for_number", "number_for_date"),
    *("neither_number_nor_text", "below_range", "nested_range", "pattern", "misspelt_choice_of_a_key"),
    *("nested_choice_of_a_key", "stages_is_text", "stage_without_section", "misspelt_section", "stage_listed_twice"),
    *("section_without_target", "section_is_a_number", "seed_out_of_range", "untrusted_target", "misspelt_package"),
    *("target_in_package_outside_plugins", "misspelt_module", "misspelt_class", "aliased_target"),
    *("target_is_a_function", "part_of_the_wrong_kind", "abstract_target", "untrusted_part_in_a_list"),
    *("instantiate_keys", "target_is_no_name", "target_with_strange_letter", "executor_is_not_one"),
    *("unknown_executor_of_a_stage", "inputs_names_no_input", "inputs_is_text", "extends_missing_recipe"),
    *("defaults_is_a_mapping", "defaults_item_with_two_keys", "defaults_item_of_many_choices"),
    *("defaults_with_unknown_word", "wrong_group", "wrong_choice_of_a_group", "wrong_choice_of_a_group_in_base"),
}
"""Mistakes of the corpus that are written in a recipe and that a schema has words for."""

CORPUS = [case for case in cases() if case.folder.name.split("_", 1)[1] in SEEN]


def test_the_corpus_has_every_mistake_a_schema_can_see() -> None:
    assert {case.folder.name.split("_", 1)[1] for case in CORPUS} == SEEN


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.folder.name)
def test_a_mistake_of_the_corpus_is_refused(case: Case, tmp_path: Path) -> None:
    case.put_up(tmp_path)
    with _inside(tmp_path, {}):
        validator = Draft7Validator(_made(tmp_path))
    texts = [path.read_text() for path in sorted((tmp_path / "recipes").rglob("*.yaml"))]
    assert not all(validator.is_valid(parse(text, "recipe.yaml").root.data()) for text in texts)
