"""Pydantic's errors → faults in the words of a recipe: what is allowed, where it was written, what was meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from mlops.catalog import near
from mlops.describe import FieldWords, child, fields, model_in, words_of
from mlops.errors import Fault
from mlops.origin import KeyPath, Origins, dotted
from mlops.recipe.wording import message_of, shown
from mlops.yaml_node import plain_value

__all__ = ["STRICT_ONLY", "Complaint", "Subject", "allowed", "complaints", "spelling"]

STRICT_ONLY = frozenset({"int_type", "float_type", "bool_type"})
"""Kinds that strict validation alone finds: values that would be turned into another type."""

_INSTANTIATE = ("_args_", "_partial_", "_recursive_", "_convert_")
"""Keys of Hydra's instantiate, which is not used here."""

_ASKING = ("must ", "needs ", "takes ", "Input should ")
"""How messages begin that are followed by what came instead; a part's own words stand for themselves."""


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
            if isinstance(value, list | tuple):
                value = value[int(key)]
            else:
                value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def annotation(self, path: KeyPath) -> Any:
        """Find what the class asks for at a path; a ``_target_`` on the way says which class it is."""
        found: Any = self.model
        for depth, key in enumerate(path):
            found = child(found, key)
            value = self.value(path[: depth + 1])
            if isinstance(value, Mapping) and "_target_" in value:
                found = self.part(value["_target_"]) or found
        return found

    def owner(self, path: KeyPath) -> type[BaseModel] | None:
        """Find the model that a path's last key belongs to."""
        return model_in(self.annotation(path[:-1])) if path else None

    def words(self, path: KeyPath) -> FieldWords | None:
        """Describe the field at a path."""
        owner = self.owner(path)
        if owner is not None and path[-1] in owner.model_fields:
            return next(field for field in fields(owner) if field.name == path[-1])
        annotation = self.annotation(path) if path else None
        return words_of(path[-1], annotation) if annotation is not None else None


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
    found = [
        _complaint(subject, path, items)
        for path, items in by_path.items()
        if not _is_other_member(path, items, by_path)
    ]
    return _without_misspelt(found)


def _without_misspelt(found: list[Complaint]) -> list[Complaint]:
    """Drop what is missing only because its key was misspelt: the unknown key says so."""
    meant = {(*c.path[:-1], c.fault.fix.split("'")[1]) for c in found if c.fault.fix.startswith("did you mean '")}
    return [complaint for complaint in found if complaint.kind != "missing" or complaint.path not in meant]


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
    key = dotted(subject.origins.follow((*above, path[-1])))
    words = subject.words(path)
    fix = f"set {key}: {_allowed(words)}" if words else f"set {key}"
    if removed := subject.origins.settings((*above, path[-1])):
        also = tuple(str(setting.place) for setting in removed[:-1])
        return Fault(key, str(removed[-1].place), "is required and was removed", fix, also)
    return Fault(key, str(subject.origins.place(above)), "is required", fix, subject.origins.also(above))


def _unknown(subject: Subject, path: KeyPath) -> Fault:
    full = subject.origins.follow((*subject.base, *path))
    place, also = str(subject.origins.place(full)), subject.origins.also(full, referred=False)
    if path[-1] in _INSTANTIATE:
        message = "is not available: a part is described by its own keys alone"
        return Fault(dotted(full), place, message, f"remove {path[-1]}", also)
    owner = subject.owner(path)
    reserved = subject.reserved if len(path) == 1 else ()
    allowed = [*(owner.model_fields if owner else ()), *reserved]
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
    if message.startswith(_ASKING) and items[0]["type"] not in ("value_error", "assertion_error"):
        message += f", not {shown(value)}"
    fix = _fix(items[0], value, subject, path)
    return Fault(dotted(full), str(subject.origins.place(full)), message, fix, subject.origins.also(full))


def _fix(item: Mapping[str, Any], value: Any, subject: Subject, path: KeyPath) -> str:
    kind = item["type"]
    given = str(item.get("ctx", {}).get("fix", ""))
    if given or kind in ("value_error", "assertion_error"):
        return given
    if kind in ("literal_error", "enum"):
        match = get_close_matches(str(value), re.findall(r"'([^']*)'", item["ctx"]["expected"]), n=1, cutoff=0.55)
        return f"did you mean {match[0]!r}?" if match else "choose one of them"
    model = model_in(subject.annotation(path)) if kind == "model_type" else None
    if model is not None:
        return f"write its keys below it: {', '.join(model.model_fields)}"
    return spelling(value, kind.split("_", 1)[0]) or allowed(subject, path)


def allowed(subject: Subject, path: KeyPath) -> str:
    """Say what a key takes."""
    words = subject.words(path)
    return f"allowed: {_allowed(words)}" if words is not None else ""


def spelling(value: Any, wanted: str) -> str:
    """Say how to write a value so that it has the wanted type; empty when it cannot be told."""
    if "${oc.env:" in str(value):
        return "an environment variable gives text"
    if wanted == "string" and isinstance(value, bool | int | float):
        return "put it in quotes" if isinstance(value, bool) else f"quote it: '{value}'"
    if wanted in ("int", "float", "bool") and isinstance(value, str) and _is_number(value):
        return _unquoted(value.strip())
    if wanted == "int" and isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    return "write true or false" if wanted == "bool" else ""


def _allowed(words: FieldWords) -> str:
    text = f"{words.type}, {words.limits}" if words.limits else words.type
    text += f", such as {words.example}" if words.example else ""
    return f"{text} – {words.description}" if words.description else text


def _unquoted(text: str) -> str:
    """Say how to write the number that a text spells; 007 is text with or without quotes."""
    if not isinstance(plain_value(text), str):
        return f"write {text} without quotes"
    return f"write {int(text)}" if re.fullmatch(r"[-+]?\d+", text) else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.strip().lower() in ("true", "false", "yes", "no", "on", "off")
    return True
