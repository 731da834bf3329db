"""Pydantic's errors → faults in the words of a recipe: what is allowed, where it was written, what was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from mlops.catalog import near
from mlops.describe import FieldWords, example, field_at, nested
from mlops.errors import Fault
from mlops.origin import KeyPath, Origins, dotted
from mlops.recipe.wording import TYPES, message_of, shown

__all__ = ["Complaint", "Subject", "complaints"]

STRICT_ONLY = frozenset({"int_type", "float_type", "bool_type"})
"""Kinds that strict validation alone finds: values that would be turned into another type."""

_INSTANTIATE = ("_args_", "_partial_", "_recursive_", "_convert_")
"""Keys of Hydra's instantiate, which is not used here."""


@dataclass(frozen=True)
class Subject:
    """A section that was validated, and what is needed to speak of it."""

    base: KeyPath
    values: Any
    """Its values, secrets as references."""

    model: type[BaseModel]
    origins: Origins
    part: Callable[[Any], type[BaseModel] | None]
    """Finds the class that a ``_target_`` names."""

    reserved: tuple[str, ...] = ()
    """Keys that the section may hold beside the model's."""

    def value(self, path: KeyPath) -> Any:
        """Give the value at a path inside the section."""
        value = self.values
        for key in path:
            value = value[int(key)] if isinstance(value, list | tuple) else value.get(key)
        return value

    def owner(self, path: KeyPath) -> tuple[type[BaseModel] | None, KeyPath]:
        """Find the innermost model that holds a path, and the rest of the path inside it."""
        current: type[BaseModel] | None = self.model
        start = 0
        for depth, key in enumerate(path[:-1]):
            info = current.model_fields.get(key) if current and depth == start else None
            inner = nested(info.annotation) if info else current if depth > start else None
            value = self.value(path[: depth + 1])
            named = self.part(value["_target_"]) if isinstance(value, Mapping) and "_target_" in value else None
            if named is not None:
                current, start = named, depth + 1
            elif info is not None and inner is not None and isinstance(value, Mapping) and _is_direct(info.annotation):
                current, start = inner, depth + 1
            elif info is not None and inner is not None:
                current, start = inner, depth + 2  # a list or mapping of models: the next key is its index
            elif depth >= start:
                return None, path
        return current, path[start:]

    def words(self, path: KeyPath) -> FieldWords | None:
        """Describe the field at a path."""
        owner, rest = self.owner(path)
        return field_at(owner, rest[:1]) if owner and rest else None


def _is_direct(annotation: Any) -> bool:
    """Tell whether a field holds a model itself, not a list or mapping of models."""
    from typing import get_args

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(isinstance(item, type) and issubclass(item, BaseModel) for item in get_args(annotation)) and not (
        str(annotation).startswith(("dict", "list", "tuple", "typing.Mapping"))
    )


@dataclass(frozen=True)
class Complaint:
    """A fault with pydantic's name for it and the path inside the section."""

    kind: str
    path: KeyPath
    fault: Fault


def complaints(error: ValidationError, subject: Subject, *, only: frozenset[str] | None = None) -> list[Complaint]:
    """Translate one validation error into complaints, one a key.

    Args:
        error: what pydantic found.
        subject: what was validated.
        only: kinds of error to report; all when None.
    """
    by_path: dict[KeyPath, list[Any]] = {}
    for item in error.errors(include_url=False, include_context=True):
        if only is not None and (item["type"] not in only or "${" in str(item["input"])):
            continue
        path = _real_path(item["loc"], subject.values, item["type"])
        by_path.setdefault(path, []).append(item)
    return [
        _complaint(subject, path, items)
        for path, items in by_path.items()
        if not _is_other_member(path, items, by_path)
    ]


def _is_other_member(path: KeyPath, items: list[Any], found: Iterable[KeyPath]) -> bool:
    """Tell whether the errors come from members of a union that the value was not meant for."""
    deeper = any(len(other) > len(path) and other[: len(path)] == path for other in found)
    return deeper and all(item["type"].endswith(("_type", "_parsing", "none_required")) for item in items)


def _real_path(loc: Iterable[Any], values: Any, kind: str) -> KeyPath:
    """Keep the elements of a location that are keys; pydantic adds the names of union members."""
    path: list[str] = []
    elements = list(loc)
    for position, element in enumerate(elements):
        last = position == len(elements) - 1
        if isinstance(values, Mapping) and (str(element) in values or (last and kind == "missing")):
            values = values.get(str(element))
            path.append(str(element))
        elif isinstance(values, list | tuple) and isinstance(element, int) and element < len(values):
            values = values[element]
            path.append(str(element))
    return tuple(path)


def _complaint(subject: Subject, path: KeyPath, items: list[Any]) -> Complaint:
    kind: str = items[0]["type"]
    if kind == "missing":
        fault = _missing(subject, path)
    elif kind == "extra_forbidden":
        fault = _unknown(subject, path)
    elif kind in ("target_refused", "no_target"):
        fault = _target(subject, path, items)
    else:
        fault = _wrong(subject, path, items)
    return Complaint(kind, path, fault)


def _missing(subject: Subject, path: KeyPath) -> Fault:
    above = (*subject.base, *path[:-1])
    key = dotted((*subject.origins.follow((*above, path[-1])),))
    words = subject.words(path)
    fix = f"set {key}"
    if words is not None:
        fix += f": {_allowed(words)}" + (f" – {words.description}" if words.description else "")
    return Fault(key, str(subject.origins.place(above)), "is required", fix, subject.origins.also(above))


def _unknown(subject: Subject, path: KeyPath) -> Fault:
    full = subject.origins.follow((*subject.base, *path))
    place, also = str(subject.origins.place(full)), subject.origins.also(full)
    if path[-1] in _INSTANTIATE:
        message = "is not available: a part is described by its own keys alone"
        return Fault(dotted(full), place, message, f"remove {path[-1]}", also)
    owner, rest = subject.owner(path)
    reserved = subject.reserved if len(path) == 1 else ()
    allowed = [*(owner.model_fields if owner and len(rest) == 1 else ()), *reserved]
    return Fault(dotted(full), place, "unknown key", near(path[-1], allowed, what="allowed are"), also)


def _target(subject: Subject, path: KeyPath, items: list[Any]) -> Fault:
    full = subject.origins.follow((*subject.base, *path))
    if items[0]["type"] == "target_refused":
        full = (*full, "_target_")
    messages = " or ".join(dict.fromkeys(str(item["msg"]) for item in items))
    fix = str(items[0].get("ctx", {}).get("fix", ""))
    return Fault(dotted(full), str(subject.origins.place(full)), messages, fix, subject.origins.also(full))


def _wrong(subject: Subject, path: KeyPath, items: list[Any]) -> Fault:
    full = subject.origins.follow((*subject.base, *path))
    value = subject.value(path)
    wanted = list(dict.fromkeys(message_of(item) for item in items))
    message = " or ".join([wanted[0], *(text.removeprefix("must be ") for text in wanted[1:])])
    if items[0]["type"] not in ("value_error", "assertion_error"):
        message += f", not {shown(value)}"
    fix = _fix(items[0], value, subject.words(path))
    return Fault(dotted(full), str(subject.origins.place(full)), message, fix, subject.origins.also(full))


def _fix(item: Mapping[str, Any], value: Any, words: FieldWords | None) -> str:
    kind = item["type"]
    if kind in ("literal_error", "enum"):
        options = re.findall(r"'([^']*)'", item["ctx"]["expected"])
        return near(str(value), options, what="choose from")
    if "${oc.env:" in str(value):
        return "an environment variable gives text"
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "put it in quotes" if isinstance(value, bool) else f"quote it: '{value}'"
    if kind in STRICT_ONLY and isinstance(value, str) and _is_number(value):
        return f"write {value.strip()} without quotes"
    if kind.startswith("int_") and isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    given = str(item.get("ctx", {}).get("fix", ""))
    if given or kind in ("value_error", "assertion_error") or words is None:
        return given
    return f"allowed: {_allowed(words)}" + (f", such as {words.example}" if words.example else "")


def _allowed(words: FieldWords) -> str:
    return f"{words.type}, {words.limits}" if words.limits else words.type


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.strip().lower() in ("true", "false")
    return True


def coercions(given: Any, taken: Any, path: KeyPath = ()) -> Iterable[tuple[KeyPath, str]]:
    """Find values that were silently turned into another type: text into a number, true into 1.

    Yields:
        The key path, and pydantic's name for what the value should have been.
    """
    if isinstance(given, Mapping):
        for key, item in given.items():
            inner = getattr(taken, str(key), None) if isinstance(taken, BaseModel) else _get(taken, key)
            yield from coercions(item, inner, (*path, str(key)))
    elif isinstance(given, list | tuple) and isinstance(taken, list | tuple) and len(given) == len(taken):
        for index, (item, inner) in enumerate(zip(given, taken, strict=True)):
            yield from coercions(item, inner, (*path, str(index)))
    elif _was_turned(given, taken):
        yield path, type(taken).__name__


def _was_turned(given: Any, taken: Any) -> bool:
    wanted = type(taken).__name__
    if wanted not in TYPES or type(given) is type(taken) or given is None:
        return False
    if isinstance(given, str):
        return wanted in ("int", "float", "bool") and "${oc.env:" not in given and _spells(given, taken)
    if isinstance(given, bool):
        return wanted in ("int", "float")
    if isinstance(given, float):
        return wanted in ("int", "bool", "date", "datetime", "time")
    return isinstance(given, int) and wanted in ("bool", "date", "datetime", "time")


def _spells(given: str, taken: Any) -> bool:
    """Tell whether text was read as the value it spells, not by a rule of the field's own such as 10m."""
    if isinstance(taken, bool):
        return given.strip().lower() in ("true", "false", "yes", "no", "on", "off", "t", "f", "y", "n", "1", "0")
    try:
        return float(given) == float(taken)
    except ValueError:
        return False


def _get(taken: Any, key: Any) -> Any:
    return taken.get(key) if isinstance(taken, Mapping) else None
