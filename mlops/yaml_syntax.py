"""What the YAML parser says, in words that tell where to look and what to do."""

from __future__ import annotations

import yaml

from mlops.errors import Fault
from mlops.yaml_node import Place

__all__ = ["place_of", "syntax_fault"]

_PARTLY_OPEN = {
    "quoted scalar": ("a quote", "add the closing quote"),
    "flow sequence": ("a bracket [", "add the closing ]"),
    "flow mapping": ("a brace {", "add the closing }"),
}
"""What the parser was reading when it met the end of something never closed, in words, and the fix."""


def place_of(name: str, text: str, position: int) -> Place:
    """Turn an offset into a line and column."""
    before = text[:position]
    return Place(name, before.count("\n") + 1, len(before) - before.rfind("\n"))


def syntax_fault(exc: yaml.YAMLError, name: str, text: str) -> Fault:
    """Turn a parser's error into a fault at the place where the mistake is."""
    problem = str(getattr(exc, "problem", None) or getattr(exc, "reason", None) or exc).replace("\n", " ")
    context = str(getattr(exc, "context", None) or "")
    mark = getattr(exc, "problem_mark", None) or getattr(exc, "context_mark", None)
    opened = next((kind for kind in _PARTLY_OPEN if kind in context), None)
    if mark is None:
        return Fault(
            "", str(_control_character(name, text)), f"YAML syntax: {problem}", "remove the invisible character"
        )
    if opened and _ends_early(problem):
        start = exc.context_mark  # type: ignore[attr-defined] # an error with a context has its mark
        what, fix = _PARTLY_OPEN[opened]
        message = f"YAML syntax: {what} is opened here and not closed (line {mark.line + 1} was reached)"
        return Fault("", str(Place(name, start.line + 1, start.column + 1)), message, fix)
    place = Place(name, mark.line + 1, mark.column + 1)
    lines = text.splitlines()
    character = lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""
    if character == "\t":
        return Fault("", str(place), "YAML syntax: a tab where only spaces may indent", "indent with spaces")
    if "cannot start any token" in problem:
        return Fault("", str(place), f"YAML syntax: a value cannot open with {character!r}", "put the value in quotes")
    return Fault("", str(place), f"YAML syntax: {problem}", _syntax_fix(problem))


def _ends_early(problem: str) -> bool:
    return any(words in problem for words in ("end of stream", "did not find expected ','", "document indicator"))


def _control_character(name: str, text: str) -> Place:
    found = next((i for i, c in enumerate(text) if not c.isprintable() and c not in "\n\r\t\x85\ufeff"), 0)
    return place_of(name, text, found)


def _syntax_fix(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "quote a value that holds ': ', or check the indentation"
    return "check the indentation, quotes and brackets around here"
