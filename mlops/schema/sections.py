"""Definitions of sections: one a class, and the choice between classes that a ``_target_`` makes."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from mlops.describe import one_line
from mlops.plan.wiring import ports
from mlops.recipe.model import Options
from mlops.schema.models import PART, REFERENCE, Schema, keys_of, spoken
from mlops.schema.targets import Targets
from mlops.stage import Part, Stage

__all__ = ["Sections"]

_TARGET_WORDS = "The class that does this section's work: a dotted name of a trusted package."
_DURATION = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[smhd]\s*$"}
"""What `Options.timeout` also takes: 90s, 10m, 2h, 1d."""


class Sections:
    """Makes definitions on demand; whoever asks gets a reference to one."""

    def __init__(self, targets: Targets, *, executors: Sequence[str]) -> None:
        self.targets = targets
        self.definitions: dict[str, Schema] = {}
        self._executors = list(executors)

    def part(self, target: str) -> Schema:
        """Describe the section of one class, with the reserved keys when it is a stage."""
        name = f"target:{target}"
        if name not in self.definitions:
            cls = self.targets.classes[target]
            self.definitions[name] = {}  # a part may hold its own kind
            self.definitions[name] = {
                "title": cls.__name__,
                "description": spoken(one_line(cls)),
                "type": "object",
                "properties": self._keys(target, cls),
                "additionalProperties": False,
            }
        return _ref(name)

    def _keys(self, target: str, cls: type[Part]) -> dict[str, Schema]:
        keys = {"_target_": {"description": _TARGET_WORDS, "anyOf": [{"const": target}, REFERENCE]}}
        own = {key: self._filled(value) for key, value in keys_of(cls).items()}
        return keys | own | (self._reserved(cls) if issubclass(cls, Stage) else {})

    def _reserved(self, stage: type[Stage]) -> dict[str, Schema]:
        """Describe the keys that any stage takes; inputs by the stage's own names."""
        keys = keys_of(Options)
        inputs = {
            name: {"title": f"{name}: {kind.format}", "description": "The stage that makes it.", "type": "string"}
            for name, kind in ports(stage).inputs.items()
        }
        exact = {"type": "object", "properties": inputs, "additionalProperties": False}
        keys["inputs"] = {**_words(keys["inputs"]), "anyOf": [exact, REFERENCE]}
        keys["timeout"]["anyOf"].append(_DURATION)
        where: list[Schema] = [{"enum": self._executors}, {"type": "null"}, REFERENCE]
        keys["executor"] = {**_words(keys["executor"]), "anyOf": where}
        return keys

    def _filled(self, schema: Any) -> Any:
        """Put the classes that fit into each place that is marked for a nested part."""
        if isinstance(schema, list):
            return [self._filled(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if PART in schema:
            return self.choice(_class_at(schema[PART]))
        return {key: value if key in ("default", "examples") else self._filled(value) for key, value in schema.items()}

    def choice(self, kind: type[Part]) -> Schema:
        """Describe a section whose ``_target_`` may be any class of a kind, or was chosen elsewhere."""
        name = f"kind:{kind.__module__}.{kind.__qualname__}"
        if name not in self.definitions:
            self.definitions[name] = {}
            fitting = self.targets.fitting(kind)
            self.definitions[name] = self.open_switch(fitting, otherwise=self.union(name, fitting))
        return _ref(name)

    def open_switch(self, targets: Iterable[str], *, otherwise: Schema) -> Schema:
        """Choose a section's keys by its ``_target_``; another file may have given it one."""
        switch = self.switch(targets)
        absent = {"if": {"type": "object", "not": {"required": ["_target_"]}}, "then": otherwise}
        return {**switch, "allOf": [*switch["allOf"], absent]}

    def switch(self, targets: Iterable[str]) -> Schema:
        """Choose a section's keys by the ``_target_`` that it names itself."""
        listed = list(targets)
        words = [spoken(one_line(self.targets.classes[target])) for target in listed]
        target = {"description": _TARGET_WORDS, "anyOf": [{"enum": listed, "enumDescriptions": words}, REFERENCE]}
        return {
            "type": "object",
            "properties": {"_target_": target if listed else REFERENCE},
            "allOf": [{"if": _is(target), "then": self.part(target)} for target in listed],
        }

    def union(self, name: str, targets: Iterable[str]) -> Schema:
        """Describe a section of which only this is known: it is one of several classes."""
        listed = list(dict.fromkeys(targets))
        if len(listed) == 1:
            return self.part(listed[0])
        if not listed:
            return {"type": "object"}
        own = f"any-of:{name}"
        if own not in self.definitions:
            self.definitions[own] = {}
            self.definitions[own] = {
                "type": "object",
                "properties": self._merged(listed),
                "additionalProperties": False,
            }
        return _ref(own)

    def _merged(self, targets: list[str]) -> dict[str, Schema]:
        merged: dict[str, list[Schema]] = {}
        for target in targets:
            self.part(target)
            for key, schema in self.definitions[f"target:{target}"].get("properties", {}).items():
                if schema not in merged.setdefault(key, []):
                    merged[key].append(schema)
        return {key: copy.deepcopy(_either(found)) for key, found in merged.items()}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _is(target: str) -> Schema:
    return {"type": "object", "required": ["_target_"], "properties": {"_target_": {"const": target}}}


def _either(schemas: list[Schema]) -> Schema:
    """Let a key mean what it means in any of the classes that have it."""
    if len(schemas) == 1:
        return schemas[0]
    members = [member for schema in schemas for member in schema.get("anyOf", [schema])]
    unique = [member for index, member in enumerate(members) if member not in members[:index]]
    return {**_words(schemas[0]), "anyOf": unique}


def _words(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key in ("title", "description")}


def _class_at(mark: str) -> type[Part]:
    """Find the class that a mark names; it was imported when the mark was made."""
    import sys

    module, _, name = mark.partition(":")
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return] # marks name classes only
