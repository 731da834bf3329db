"""The whole schema of a recipe: its head, its defaults list, and one section a config group."""

from __future__ import annotations

import json
from typing import Any

from mlops.catalog import RECIPE, Catalog
from mlops.plugins import Plugins
from mlops.recipe.model import Head
from mlops.schema.comments import opening
from mlops.schema.defaults import chooses, defaults_list, listed_needs
from mlops.schema.models import REFERENCE, Schema, keys_of
from mlops.schema.sections import Sections
from mlops.schema.survey import Survey, survey
from mlops.schema.targets import Targets
from mlops.services.space import KINDS, MARK
from mlops.stage import Part, Stage

__all__ = ["recipe_schema", "schema_text"]

_ABOUT = (
    "One YAML file for the whole life of a model. Press Ctrl+Space for the keys that fit; hover for what they mean."
)


def recipe_schema(catalog: Catalog, plugins: Plugins) -> Schema:
    """Make the schema of this project's recipes from its groups, its recipes and all installed plugins."""
    targets = Targets.of(catalog, plugins)
    sections = Sections(targets, executors=catalog.options("executor"))
    known = survey(catalog, targets)
    groups = [group for group in catalog.groups() if "/" not in group]
    keys = {"defaults": defaults_list(catalog), **_head(known, targets), "hydra": {"type": "object"}}
    keys |= {group: _words(catalog, group) for group in groups}
    keys |= _others(known, sections, taken=set(keys))
    everything = sections.switch(targets.classes)
    body = {
        "type": "object",
        "properties": keys,
        "additionalProperties": {"title": "section of its own", **everything, "required": ["_target_"]},
        "allOf": [
            *(_group(group, sections) for group in groups),
            *(listed_needs(name) for name in _stages(known, targets)),
        ],
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "mlops recipe",
        "description": _ABOUT,
        **body,
        "definitions": {"reference": _reference(), **dict(sorted(sections.definitions.items()))},
    }


def schema_text(schema: Schema) -> str:
    """Write a schema, the same bytes for the same project."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _reference() -> Schema:
    """What may stand in any value's place: a reference to another, or a range that is searched."""
    words = "A reference such as ${seed} or ${oc.env:NAME}; ??? must be given on the command line."
    return {
        "description": words,
        "anyOf": [
            {"type": "string", "pattern": r"\$\{[^}]+\}|^\?\?\?$", "description": words},
            {
                "type": "object",
                "description": "A range that is searched: see tune.",
                "required": [MARK],
                "properties": {MARK: {"enum": list(KINDS)}, "low": {"type": "number"}, "high": {"type": "number"}}
                | {"values": {"type": ["array", "object"]}},
                "additionalProperties": False,
            },
        ],
    }


def _head(known: Survey, targets: Targets) -> dict[str, Schema]:
    """Describe the top keys; `stages` suggests the sections that are stages, and takes other names too."""
    keys = keys_of(Head)
    keys["stages"]["anyOf"][0] |= {
        "items": {"anyOf": [{"enum": _stages(known, targets)}, {"type": "string"}]},
        "uniqueItems": True,
    }
    return keys


def _stages(known: Survey, targets: Targets) -> list[str]:
    """Name the sections that are, or are listed as, stages: those of groups first."""
    groups = [group for group, choices in targets.choices.items() if choices and _is_stage(targets, choices)]
    return list(dict.fromkeys([*groups, *known.sections, *known.stages]))


def _is_stage(targets: Targets, choices: dict[str, str]) -> bool:
    return targets.kind_of(choices.values()) is Stage


def _words(catalog: Catalog, group: str) -> Schema:
    """Say what a group's choices are."""
    lines = [f"{choice}: {_first(catalog, f'{group}/{choice}')}" for choice in catalog.options(group)]
    return {"title": group, "description": "\n\n".join(lines), "anyOf": [{"type": "object"}, REFERENCE]}


def _first(catalog: Catalog, path: str) -> str:
    file = catalog.load(path)
    lines = opening(file.text) if file else []
    return lines[0] if lines else ""


def _group(group: str, sections: Sections) -> Schema:
    """Choose a group's keys: by the section's own ``_target_``, else by the defaults list, else any choice's."""
    choices = sections.targets.choices[group]
    if not choices:
        return {"properties": {group: {"anyOf": [{"type": "object"}, REFERENCE]}}}
    kind = sections.targets.kind_of(choices.values())
    fitting = sections.targets.fitting(kind) if kind is not Part else sorted(set(choices.values()))
    made = _as(group, sections.union(f"group:{group}", choices.values()))
    by_target: dict[str, list[str]] = {}
    for choice, target in choices.items():
        by_target.setdefault(target, []).append(choice)
    for target, names in reversed(by_target.items() if len(by_target) > 1 else ()):
        made = {"if": chooses(group, names), "then": _as(group, sections.part(target)), "else": made}
    return {"if": _has_target(group), "then": _as(group, sections.switch(fitting)), "else": made}


def _as(group: str, section: Schema) -> Schema:
    return {"properties": {group: {"anyOf": [section, REFERENCE]}}}


def _has_target(group: str) -> Schema:
    return {"required": [group], "properties": {group: {"type": "object", "required": ["_target_"]}}}


def _others(known: Survey, sections: Sections, *, taken: set[str]) -> dict[str, Schema]:
    """Describe the sections and values of this project's recipes that belong to no group."""
    made: dict[str, Any] = {}
    for name, targets in known.sections.items():
        otherwise = sections.union(f"section:{name}", targets)
        made[name] = {"anyOf": [sections.open_switch(sections.targets.classes, otherwise=otherwise), REFERENCE]}
    made |= {name: {"description": "A value that others refer to."} for name in known.values if name not in made}
    return {name: schema for name, schema in made.items() if name not in taken and name != RECIPE}
