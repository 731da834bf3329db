"""What a stage, part or field is, in words: docstrings, the sentences under fields, types and limits."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

__all__ = ["FieldWords", "child", "field_at", "fields", "model_in", "nested", "one_line", "type_words", "words_of"]

_NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null", Any: "anything"}
_LIMITS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤", "multiple_of": "multiple of", "pattern": "matches"}
_LENGTHS = {"min_length": "at least {} {}", "max_length": "at most {} {}"}


@dataclass(frozen=True)
class FieldWords:
    """One field of a model, ready to be shown."""

    name: str
    type: str
    required: bool
    default: Any
    description: str
    limits: str = ""
    example: str = ""


def one_line(cls: type) -> str:
    """First sentence line of a class's own docstring."""
    text = cls.__dict__.get("__doc__") or ""
    return text.strip().splitlines()[0] if text.strip() else ""


def fields(cls: type[BaseModel]) -> list[FieldWords]:
    """Describe every field of a model, inherited ones too, in order."""
    sentences = _all_sentences(cls)
    return [_words(name, info, sentences.get(name, "")) for name, info in cls.model_fields.items()]


def field_at(cls: type[BaseModel], path: tuple[str, ...]) -> FieldWords | None:
    """Describe what stands at a key path below a model, through nested models, lists and mappings."""
    owner: Any = cls
    for key in path[:-1]:
        owner = child(owner, key)
    model = model_in(owner)
    if model is not None and path[-1] in model.model_fields:
        return next(field for field in fields(model) if field.name == path[-1])
    annotation = child(owner, path[-1])
    return words_of(path[-1], annotation) if annotation is not None else None


def words_of(name: str, annotation: Any) -> FieldWords:
    """Describe an item of a list or mapping, which has no sentence of its own."""
    return FieldWords(name, type_words(annotation), False, None, "", _limits(annotation, ()), _example(annotation))


def child(annotation: Any, key: str) -> Any:
    """Find the annotation of a key inside a model, list or mapping; None when there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        info = annotation.model_fields.get(key)
        return info.annotation if info else None
    if _is_union(annotation):
        return next((found for item in get_args(annotation) if (found := child(item, key)) is not None), None)
    if hasattr(annotation, "__metadata__"):
        return child(get_args(annotation)[0], key)
    return _item(get_origin(annotation), get_args(annotation), key)


def _item(origin: Any, arguments: tuple[Any, ...], key: str) -> Any:
    """Find the annotation of a list's or mapping's item."""
    if not arguments:
        return None
    if _is_mapping(origin):
        return arguments[1]
    if not key.isdigit() or origin not in (list, set, frozenset, tuple):
        return None
    if origin is tuple and arguments[-1] is not ...:
        return arguments[int(key)] if int(key) < len(arguments) else None
    return arguments[0]


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the model that an annotation stands for itself, optional or not; lists of models are not meant."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType) or hasattr(annotation, "__metadata__"):
        return next((found for item in get_args(annotation) if (found := model_in(item)) is not None), None)
    return None


def nested(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside an annotation, such as the one in ``dict[str, Rule] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := nested(inner))), None)


def type_words(annotation: Any) -> str:
    """Say a type as a person who writes YAML would."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"section ({annotation.__name__})"
    arguments = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return type_words(arguments[0])
    if annotation in _NAMES:
        return _NAMES[annotation]
    if _is_union(annotation):
        return " or ".join(dict.fromkeys(type_words(item) for item in arguments))
    return _container_words(annotation, get_origin(annotation), arguments)


def _container_words(annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> str:
    if origin is Literal:
        return "one of " + ", ".join(str(value) for value in arguments)
    inner = [type_words(item) for item in arguments if item is not ...]
    if origin in (list, tuple, set, frozenset):
        return f"list of {inner[0]}" if inner else "list"
    if _is_mapping(origin):
        return f"mapping of {inner[0]} to {inner[1]}" if inner else "mapping"
    return getattr(annotation, "__name__", str(annotation))


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _words(name: str, info: FieldInfo, sentence: str) -> FieldWords:
    default = info.get_default(call_default_factory=True, validated_data={}) if not info.is_required() else None
    if default is PydanticUndefined:
        default = None
    described = info.description or sentence
    limits = _limits(info.annotation, tuple(info.metadata))
    example = str(info.examples[0]) if info.examples else _example(info.annotation)
    return FieldWords(name, type_words(info.annotation), info.is_required(), default, described, limits, example)


def _limits(annotation: Any, metadata: tuple[Any, ...]) -> str:
    found: list[str] = []
    unit = "letters" if str in _members(annotation) else "items"
    for item in (*metadata, *_metadata(annotation)):
        given = {key: getattr(item, key, None) for key in (*_LIMITS, *_LENGTHS)}
        found += [f"{sign} {given[key]}" for key, sign in _LIMITS.items() if given[key] is not None]
        found += [text.format(given[key], unit) for key, text in _LENGTHS.items() if given[key] is not None]
    return ", ".join(dict.fromkeys(found))


def _members(annotation: Any) -> list[Any]:
    """Take unions and annotated types apart."""
    if get_origin(annotation) in (Union, types.UnionType) or hasattr(annotation, "__metadata__"):
        return [
            member for item in get_args(annotation)[: None if _is_union(annotation) else 1] for member in _members(item)
        ]
    return [annotation]


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _metadata(annotation: Any) -> list[Any]:
    """Collect the limits written inside an annotation, such as those of ``Annotated[int, Field(ge=1)] | None``."""
    if _is_union(annotation):
        return [item for member in get_args(annotation) for item in _metadata(member)]
    given = getattr(annotation, "__metadata__", ())
    return [part for item in given for part in (item.metadata if isinstance(item, FieldInfo) else [item])]


def _example(annotation: Any) -> str:
    for member in get_args(annotation) if _is_union(annotation) else (annotation,):
        for item in getattr(member, "__metadata__", ()):
            if isinstance(item, FieldInfo) and item.examples:
                return str(item.examples[0])
    return ""


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
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(text):
            found[field.target.id] = " ".join(inspect.cleandoc(text.value.value).split())  # type: ignore[attr-defined] # seen to be text
    return found


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
