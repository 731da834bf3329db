"""What a stage, part or field is, in words: docstrings, the sentences under fields, types and limits."""

from __future__ import annotations

import ast
import inspect
import types
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

__all__ = ["FieldWords", "field_at", "fields", "nested", "one_line", "type_words"]

_NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null", Any: "anything"}
_LIMITS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "multiple_of": "multiple of", "pattern": "matches"}
_LENGTHS = {"min_length": "at least {} items", "max_length": "at most {} items"}


@dataclass(frozen=True)
class FieldWords:
    """One field of a model, ready to be shown."""

    name: str
    type: str
    required: bool
    default: Any
    description: str
    limits: str = ""


def one_line(cls: type) -> str:
    """First sentence line of a class's own docstring."""
    text = cls.__dict__.get("__doc__") or ""
    return text.strip().splitlines()[0] if text.strip() else ""


def fields(cls: type[BaseModel]) -> list[FieldWords]:
    """Describe every field of a model, inherited ones too, in order."""
    sentences = _all_sentences(cls)
    return [_words(name, info, sentences.get(name, "")) for name, info in cls.model_fields.items()]


def field_at(cls: type[BaseModel], path: tuple[str, ...]) -> FieldWords | None:
    """Describe the field at a key path below a model, through nested models, lists and mappings."""
    current: type[BaseModel] | None = cls
    found: FieldWords | None = None
    for key in path:
        if current is None:
            return None
        if key in current.model_fields:
            found = next(field for field in fields(current) if field.name == key)
            current = nested(current.model_fields[key].annotation)
        elif not key.isdigit() and found is None:
            return None
    return found


def nested(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside an annotation, such as the one in ``dict[str, Rule] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := nested(inner))), None)


def type_words(annotation: Any) -> str:
    """Say a type as a person who writes YAML would."""
    if annotation in _NAMES:
        return _NAMES[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "one of " + ", ".join(str(value) for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_words(item) for item in arguments))
    if origin in (list, tuple, set, frozenset):
        return f"list of {type_words(arguments[0])}" if arguments else "list"
    if origin is dict or (origin is not None and "Mapping" in str(origin)):
        return f"mapping of {type_words(arguments[0])} to {type_words(arguments[1])}" if arguments else "mapping"
    if hasattr(annotation, "__metadata__"):
        return type_words(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"section ({annotation.__name__})"
    return getattr(annotation, "__name__", str(annotation))


def _words(name: str, info: FieldInfo, sentence: str) -> FieldWords:
    default = info.get_default(call_default_factory=True, validated_data={}) if not info.is_required() else None
    if default is PydanticUndefined:
        default = None
    return FieldWords(
        name, type_words(info.annotation), info.is_required(), default, info.description or sentence, _limits(info)
    )


def _limits(info: FieldInfo) -> str:
    found: list[str] = []
    for item in info.metadata:
        found += [
            f"{sign} {getattr(item, key)}" for key, sign in _LIMITS.items() if getattr(item, key, None) is not None
        ]
        found += [
            text.format(getattr(item, key)) for key, text in _LENGTHS.items() if getattr(item, key, None) is not None
        ]
    return ", ".join(found)


def _all_sentences(cls: type[BaseModel]) -> dict[str, str]:
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found.update(_sentences(base))
    return found


@lru_cache(maxsize=512)
def _sentences(cls: type) -> dict[str, str]:
    """Read the string under each field of a class from its source."""
    try:
        tree = ast.parse(inspect.getsource(inspect.getmodule(cls) or cls))
    except (OSError, TypeError, SyntaxError):
        return {}
    body = next(
        (node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == cls.__name__), []
    )
    found: dict[str, str] = {}
    for field, text in zip(body, body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(text):
            found[field.target.id] = " ".join(inspect.cleandoc(text.value.value).split())  # type: ignore[attr-defined] # seen to be text
    return found


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
