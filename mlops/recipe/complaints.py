"""Pydantic's errors → faults in the words of a recipe: what is allowed, where it was written, what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from mlops.catalog import near
from mlops.errors import Fault
from mlops.origin import KeyPath, Origins, dotted

__all__ = ["STRICT_ONLY", "coercions", "complaints"]

STRICT_ONLY = frozenset({"int_type", "float_type", "bool_type"})
"""Kinds that strict validation alone finds: values that would be turned into another type."""

_NUMBERS = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "needs at least {min_length} item(s)",
    "too_long": "takes at most {max_length} item(s)",
    "string_too_short": "must not be empty",
}
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping of keys to values",
    "mapping": "a mapping of keys to values",
    "model": "a mapping of keys to values",
    "date": "a date",
    "datetime": "a date and time",
}


def complaints(
    error: ValidationError,
    base: KeyPath,
    values: Any,
    *,
    model: type[BaseModel],
    origins: Origins,
    only: frozenset[str] | None = None,
) -> list[Fault]:
    """Translate one validation error into faults, one a key.

    Args:
        error: what pydantic found.
        base: key path of the validated section.
        values: the section's values, secrets as references.
        model: the class that was asked for, whose fields are suggested.
        origins: where each key was written.
        only: kinds of error to report; all when None.
    """
    by_path: dict[KeyPath, list[Any]] = {}
    for item in error.errors(include_url=False, include_context=True):
        if only is not None and (item["type"] not in only or "${" in str(item["input"])):
            continue
        by_path.setdefault(_real_path(item["loc"], values, item["type"]), []).append(item)
    return [_fault(base, path, items, values, model=model, origins=origins) for path, items in by_path.items()]


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


def _fault(
    base: KeyPath, path: KeyPath, items: list[Any], values: Any, *, model: type[BaseModel], origins: Origins
) -> Fault:
    full = origins.follow((*base, *path))
    item = items[0]
    owner = _owner(model, path, item)
    value = _value(values, path)
    if item["type"] == "missing":
        message, fix = f"is required{_description(owner, path)}", f"set {dotted(full)}"
        return Fault(dotted(full), str(origins.place((*base, *path[:-1]))), message, fix)
    if item["type"] == "extra_forbidden":
        allowed = [*_fields(owner), *_extra_keys(base, path)]
        return Fault(dotted(full), str(origins.place(full)), "unknown key", near(path[-1], allowed, what="allowed are"))
    messages = list(dict.fromkeys(_message(i, value) for i in items))
    message = " or ".join([messages[0], *(m.removeprefix("must be ") for m in messages[1:])])
    return Fault(dotted(full), str(origins.place(full)), message, _fix(item, value), origins.also(full))


def _message(item: Mapping[str, Any], value: Any) -> str:
    kind: str = item["type"]
    context = item.get("ctx", {})
    got = f", not {_short(value)}"
    if kind in _NUMBERS:
        return _NUMBERS[kind].format(**context) + got
    if kind in ("literal_error", "enum"):
        return f"must be one of {context['expected'].replace(' or ', ', ')}{got}"
    if kind == "none_required":
        return f"must be null{got}"
    name = kind.split("_")[0]
    if kind.endswith(("_type", "_parsing", "_from_float")) and name in _TYPES:
        return f"must be {_TYPES[name]}{got}"
    return re.sub(r"^(Value error|Assertion failed), ", "", str(item["msg"]))


def _fix(item: Mapping[str, Any], value: Any) -> str:
    if item["type"] == "literal_error":
        options = re.findall(r"'([^']*)'", item["ctx"]["expected"])
        return near(str(value), options, what="choose from")
    if item["type"] == "string_type" and isinstance(value, bool | int | float):
        return f"quote it: '{str(value).lower() if isinstance(value, bool) else value}'"
    return str(item.get("ctx", {}).get("fix", ""))


def _short(value: Any) -> str:
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 60 else text[:57] + "…"


def _value(values: Any, path: KeyPath) -> Any:
    for key in path:
        values = values[int(key)] if isinstance(values, list | tuple) else values.get(key)
    return values


def _owner(model: type[BaseModel], path: KeyPath, item: Mapping[str, Any]) -> type[BaseModel] | None:
    """Find the model whose key went wrong, following nested models and lists or mappings of them."""
    del item
    current: type[BaseModel] | None = model
    for key in path[:-1]:
        if current is None or (key not in current.model_fields and not key.isdigit()):
            continue
        if key in current.model_fields:
            current = _model_in(current.model_fields[key].annotation) or current
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)


def _fields(owner: type[BaseModel] | None) -> list[str]:
    return list(owner.model_fields) if owner else []


def _extra_keys(base: KeyPath, path: KeyPath) -> list[str]:
    from mlops.recipe.model import RESERVED

    return list(RESERVED) if len(base) == 1 and len(path) == 1 else []


def _description(owner: type[BaseModel] | None, path: KeyPath) -> str:
    return "" if owner is None or path[-1] not in owner.model_fields else ""


def coercions(given: Any, taken: Any, path: KeyPath = ()) -> Iterable[tuple[KeyPath, str]]:
    """Find values that were silently turned into another type: text into a number, true into 1.

    Yields:
        The key path, and what the value should have been.
    """
    if isinstance(given, Mapping):
        for key, item in given.items():
            inner = getattr(taken, key, None) if isinstance(taken, BaseModel) else _get(taken, key)
            yield from coercions(item, inner, (*path, str(key)))
    elif isinstance(given, list | tuple) and isinstance(taken, list | tuple) and len(given) == len(taken):
        for index, (item, inner) in enumerate(zip(given, taken, strict=True)):
            yield from coercions(item, inner, (*path, str(index)))
    elif isinstance(given, str) and type(taken) in (int, float, bool) and "${oc.env:" not in given:
        if not re.fullmatch(r"\s*\d+(\.\d+)?\s*[smhd]\s*", given):
            yield path, _TYPES[type(taken).__name__]
    elif isinstance(given, bool) and type(taken) in (int, float):
        yield path, _TYPES[type(taken).__name__]
    elif type(given) in (int, float) and isinstance(taken, bool):
        yield path, _TYPES["bool"]


def _get(taken: Any, key: Any) -> Any:
    return taken.get(key) if isinstance(taken, Mapping) else None
