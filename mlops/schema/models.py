"""One pydantic model → JSON Schema (draft-07) of the keys that a recipe may write for it.

Keys are optional, as a group's file or an extended recipe may have supplied them; only a list's
items are written whole. Every typed value may be a reference such as ``${seed}`` instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from mlops.describe import FieldWords, fields
from mlops.stage import Part

__all__ = ["PART", "REFERENCE", "Schema", "keys_of", "or_reference", "spoken", "titled"]

Schema = dict[str, Any]

REFERENCE: Schema = {"$ref": "#/definitions/reference"}

PART = "x-part"
"""Marks the place of a nested part until it is known which classes fit there: module, then class."""

_WORDS = ("title", "description", "default", "examples")
_TEXT_LIMITS = ("enum", "const", "pattern", "maxLength", "format")


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with our words for each field and a mark for each nested part."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - pydantic's declaration
    root: ClassVar[type[BaseModel]]
    """The model that is described; a part below it is nested."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        cls = schema["cls"]
        if cls is not self.root and issubclass(cls, Part):
            return {PART: f"{cls.__module__}:{cls.__qualname__}"}
        made = super().model_schema(schema)
        for words in fields(cls):
            if words.name in made.get("properties", {}):
                titled(made["properties"][words.name], words)
        return made

    def handle_invalid_for_json_schema(self, schema: core_schema.CoreSchema, error_info: str) -> JsonSchemaValue:
        """Let anything pass where JSON Schema has no words for a type."""
        del schema, error_info
        return {}


def titled(schema: Schema, words: FieldWords) -> None:
    """Give a key its hover text: name, type, limits and default as the title, the sentence below."""
    limits = f", {words.limits}" if words.limits else ""
    default = "" if words.required or words.default is None else _default_words(schema.get("default"))
    schema["title"] = f"{words.name}: {words.type}{limits}{default}"
    if words.description:
        schema["description"] = spoken(words.description)
    if isinstance(schema.get("default"), dict):
        del schema["default"]  # an editor would write all of it out; its keys have their own


def spoken(text: str) -> str:
    """Turn a docstring's code marks into quotes: editors show the text as it is."""
    return text.replace("``", "'").replace("`", "'")


def _default_words(value: Any) -> str:
    if value is None or isinstance(value, dict):
        return ""
    return f"; default {json.dumps(value, ensure_ascii=False)}"


def keys_of(cls: type[BaseModel]) -> dict[str, Schema]:
    """Make the schema of each key of a model."""
    generator = type("_GeneratorOf", (_Generator,), {"root": cls})
    raw = cls.model_json_schema(schema_generator=generator, ref_template="{model}")
    names = raw.pop("$defs", {})
    if "$ref" in raw:  # a model that holds itself
        raw = names[raw["$ref"]]
    return {key: _plain(value, names, trail=()) for key, value in raw.get("properties", {}).items()}


def or_reference(schema: Schema) -> Schema:
    """Let a reference stand in a value's place."""
    words = {key: schema[key] for key in _WORDS if key in schema}
    rest = {key: value for key, value in schema.items() if key not in words}
    if _takes_text(rest):
        return schema
    members = rest["anyOf"] if list(rest) == ["anyOf"] else [rest]
    return {**words, "anyOf": [*members, REFERENCE]}


def _takes_text(schema: Mapping[str, Any]) -> bool:
    if not schema or any(_takes_text(member) for member in schema.get("anyOf", ())):
        return True
    return schema.get("type") == "string" and not any(limit in schema for limit in _TEXT_LIMITS)


def _plain(schema: Any, names: Mapping[str, Schema], *, trail: tuple[str, ...], whole: bool = False) -> Schema:
    """Put named models in place, turn newer keywords into draft-07's, and let references stand anywhere."""
    return or_reference(_bare(schema, names, trail=trail, whole=whole))


def _bare(schema: Any, names: Mapping[str, Schema], *, trail: tuple[str, ...], whole: bool) -> Schema:
    if not isinstance(schema, dict):
        return {}
    words = {key: schema[key] for key in _WORDS if key in schema}
    name = schema.get("$ref")
    if name is not None:
        found = {} if name in trail else _bare(names[name], names, trail=(*trail, name), whole=whole)
        return {**found, **words}
    made = {key: value for key, value in schema.items() if key not in ("required", "discriminator", "prefixItems")}
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            made.pop(key)
            made["anyOf" if key == "oneOf" else key] = [
                _bare(member, names, trail=trail, whole=whole) for member in schema[key]
            ]
    if "properties" in schema:
        made["properties"] = {
            key: _plain(value, names, trail=trail, whole=whole) for key, value in schema["properties"].items()
        }
        made |= {"required": schema["required"]} if whole and "required" in schema else {}
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = _plain(schema["additionalProperties"], names, trail=trail)
    return made | _items(schema, names, trail=trail)


def _items(schema: Schema, names: Mapping[str, Schema], *, trail: tuple[str, ...]) -> Schema:
    """Describe a list's items; each is written whole."""
    if "prefixItems" in schema:
        return {"items": [_plain(item, names, trail=trail, whole=True) for item in schema["prefixItems"]]}
    if isinstance(schema.get("items"), dict):
        return {"items": _plain(schema["items"], names, trail=trail, whole=True)}
    return {}
