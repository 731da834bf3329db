"""Schema of a defaults list: the recipes that may be extended, and each group with its choices."""

from __future__ import annotations

import re

from mlops.catalog import Catalog
from mlops.schema.comments import opening
from mlops.schema.models import Schema
from mlops.schema.targets import recipe_names

__all__ = ["chooses", "defaults_list", "listed_needs"]

_ABOUT = (
    "What the recipe is put together from, first to last: another recipe to extend, and 'group: choice' for each part. "
    "'override group: choice' changes a choice that came from above; '_self_' is where this file's own keys count."
)
_OPEN = [{"type": "string", "pattern": r"\$\{|^\?\?\?$"}, {"type": "null"}]
"""What may stand for any choice: a reference, a choice left to the command line, none."""


def defaults_list(catalog: Catalog) -> Schema:
    """Describe the key ``defaults``."""
    return {
        "title": "defaults: list of recipes and choices",
        "description": _ABOUT,
        "type": "array",
        "items": {"anyOf": [_file(catalog), _choice(catalog)]},
    }


def _file(catalog: Catalog) -> Schema:
    names = recipe_names(catalog)
    words = ["This file's own keys.", *(_about(catalog, f"recipe/{name}") for name in names)]
    listed = {"enum": ["_self_", *names], "enumDescriptions": words}
    paths = [f"{group}/{choice}" for group in catalog.groups() for choice in catalog.options(group)]
    absolute = "|".join(re.escape(path) for path in [*paths, *(f"recipe/{name}" for name in names)])
    return {"anyOf": [listed, {"type": "string", "pattern": rf"\$\{{|^/({absolute})(@[\w.]+)?$"}]}


def _choice(catalog: Catalog) -> Schema:
    properties: dict[str, Schema] = {}
    patterns: dict[str, Schema] = {r"^(override )?/?hydra/": {}}
    for group in catalog.groups():
        options = catalog.options(group)
        words = [_about(catalog, f"{group}/{choice}") for choice in options]
        described = {"description": f"Choose the {group}.", "enum": options, "enumDescriptions": words}
        either = {"anyOf": [described, *_OPEN]}
        properties |= {group: either, f"override {group}": either}
        patterns[rf"^((override|optional) )*/?{re.escape(group)}(@[\w.]+)?$"] = either
    return {
        "type": "object",
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _about(catalog: Catalog, path: str) -> str:
    file = catalog.load(path)
    return " ".join(opening(file.text)[:1]) if file else ""


def chooses(group: str, choices: list[str]) -> Schema:
    """Tell whether a recipe's own defaults list chooses one of these."""
    entry = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": rf"^((override|optional) )*/?{re.escape(group)}$"},
        "additionalProperties": {"enum": choices},
    }
    return {"required": ["defaults"], "properties": {"defaults": {"type": "array", "contains": entry}}}


def listed_needs(stage: str) -> Schema:
    """Ask that a stage listed in ``stages`` has a section, here or in a file that the recipe builds on."""
    lists = {"type": "array", "contains": {"const": stage}}
    extends = {"type": "string", "not": {"const": "_self_"}}
    chosen = {"type": "object", "propertyNames": {"pattern": rf"(^|[ /@]){re.escape(stage)}$|@"}, "minProperties": 1}
    builds_on = {"type": "array", "contains": {"anyOf": [extends, chosen]}}
    return {
        "if": {"required": ["stages"], "properties": {"stages": lists}},
        "then": {"anyOf": [{"required": [stage]}, {"required": ["defaults"], "properties": {"defaults": builds_on}}]},
    }
