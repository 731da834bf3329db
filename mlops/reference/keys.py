"""One model as a table of keys, nested ones by their whole path: ``csv.quote``, ``rules[].sql``, ``types.NAME``."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from mlops.describe import FieldWords, fields
from mlops.stage import Part

__all__ = ["cell", "key_table", "table"]

_HEADERS = ("Key", "Type", "Default", "Limits", "Meaning")


@dataclass(frozen=True)
class _Row:
    path: str
    words: FieldWords
    whole: bool
    """The key is filled by nested ones, so that its default says nothing."""


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [headers, ["---"] * len(headers), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """Keep text within one cell of a table."""
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


def key_table(model: type[BaseModel]) -> str:
    """List a model's keys with type, default, limits and meaning; empty for a model without keys."""
    rows = [
        (f"`{row.path}`", row.words.type, _default(row), _limits(row.words), _meaning(row.words))
        for row in _rows(model, "", trail=())
    ]
    return table(_HEADERS, rows) if rows else ""


def _limits(words: FieldWords) -> str:
    return f"`{words.limits}`" if "matches" in words.limits else words.limits


def _meaning(words: FieldWords) -> str:
    return f"{words.description} Example: `{words.example}`." if words.example else words.description


def _default(row: _Row) -> str:
    if row.words.required:
        return "*required*"
    value = row.words.default
    if row.whole and (value is None or isinstance(value, BaseModel)):
        return "" if isinstance(value, BaseModel) else "`null`"
    return f"`{json.dumps(_plain(value), ensure_ascii=False, default=str)}`"


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _rows(model: type[BaseModel], prefix: str, *, trail: tuple[type[BaseModel], ...]) -> Iterator[_Row]:
    for words in fields(model):
        path = f"{prefix}{words.name}"
        inside = [
            (suffix, cls) for suffix, cls in _models(model.model_fields[words.name].annotation) if cls not in trail
        ]
        yield _Row(path, words, bool(inside))
        for suffix, cls in inside:
            if not issubclass(cls, Part):
                yield from _rows(cls, f"{path}{suffix}.", trail=(*trail, model))


def _models(annotation: Any, suffix: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Find the models in an annotation, and how a key path goes on to them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield suffix, annotation
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        for member in arguments:
            yield from _models(member, suffix)
    elif origin in (list, tuple, set, frozenset):
        yield from _models(arguments[0], f"{suffix}[]")
    elif isinstance(origin, type) and issubclass(origin, Mapping) and arguments:
        yield from _models(arguments[1], f"{suffix}.NAME")
    elif hasattr(annotation, "__metadata__"):
        yield from _models(arguments[0], suffix)
