"""The language of ``${…}``: text → literal pieces and references."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mlops.origin import KeyPath, key_path

__all__ = ["Environment", "Malformed", "Piece", "Reference", "first_keys", "pieces", "target_of", "variables"]

_ENV = "oc.env"
_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_KEY = re.compile(r"[^\s.${}:'\"(),\[\]]+(?:\.[^\s.${}:'\"(),\[\]]+|\[[^\s.${}:'\"(),\[\]]+\])*|\[[^\s\[\]]+\].*")
_ANY_NAME = re.compile(r"\s*([A-Za-z_][\w.\-]*)\s*:")
_MOST_NESTED = 10


class Malformed(ValueError):
    """A reference that may not be written so: the message and the fix."""

    def __init__(self, message: str, fix: str = "write ${key} or ${oc.env:NAME}") -> None:
        self.message = message
        self.fix = fix
        super().__init__(message)


@dataclass(frozen=True)
class Environment:
    """A reference to an environment variable."""

    name: str
    default: str | None = None
    quoted: bool = False
    """Whether the default is text whatever it looks like."""


@dataclass(frozen=True)
class Reference:
    """A reference to another key; its name may itself be made of pieces."""

    body: tuple[Piece, ...]

    @property
    def static(self) -> str | None:
        """The key as written, when no other reference is inside it."""
        return self.body[0] if len(self.body) == 1 and isinstance(self.body[0], str) else None


Piece = str | Reference | Environment


def pieces(text: str) -> tuple[Piece, ...]:
    r"""Take a text apart. ``\${`` stands for a plain ``${``.

    Raises:
        Malformed: a reference is not closed, or names a resolver that is not allowed.
    """
    found, end = _read(text, 0, depth=0)
    assert end == len(text)  # noqa: S101 - at depth 0 only the end stops the reader
    return found


def _read(text: str, start: int, *, depth: int) -> tuple[tuple[Piece, ...], int]:
    """Read up to the end, or to the brace that closes a reference."""
    found: list[Piece] = []
    literal = ""
    at = start
    while at < len(text):
        if depth and text[at] == "}":
            break
        slashes = len(text) - at - len(text[at:].lstrip("\\")) if text[at] == "\\" else 0
        if slashes and not text.startswith("${", at + slashes):
            literal, at = literal + "\\" * slashes, at + slashes
        elif slashes % 2:
            literal, at = literal + "\\" * (slashes // 2) + "${", at + slashes + 2
        elif text.startswith("${", at + slashes):
            piece, at = _reference(text, at + slashes + 2, depth=depth + 1)
            literal += "\\" * (slashes // 2)
            found += [literal, piece] if literal else [piece]
            literal = ""
        else:
            literal, at = literal + text[at], at + 1
    return (*found, literal) if literal or not found else tuple(found), at


def _reference(text: str, start: int, *, depth: int) -> tuple[Piece, int]:
    if depth > _MOST_NESTED:
        raise Malformed(f"references are nested deeper than {_MOST_NESTED}")
    named = _ANY_NAME.match(text, start)
    if named and named[1] == _ENV:
        return _environment(text, named.end())
    if named or text.startswith(":", start):
        raise Malformed(f"the resolver {named[1] if named else ''!r} is not allowed")
    body, end = _read(text, start, depth=depth)
    if end >= len(text):
        raise Malformed(f"'${{' is not closed in {text!r}", "add the closing }; for a plain ${ write \\${")
    made = Reference(tuple(piece.strip() if isinstance(piece, str) else piece for piece in body))
    if any(isinstance(piece, str) and ":" in piece for piece in made.body):
        raise Malformed(f"the resolver in {text!r} is not allowed")
    if made.static is not None and not _KEY.fullmatch(made.static.lstrip(".")):
        raise Malformed(f"{made.static!r} is not the name of a key")
    return made, end + 1


def _environment(text: str, start: int) -> tuple[Environment, int]:
    rest = text[start:]
    found = re.match(r"\s*([^\s,}${]*)\s*(?:,\s*(?:'([^']*)'|\"([^\"]*)\"|([^}${'\"]*?))\s*)?\}", rest)
    if found is None:
        raise Malformed(
            "a reference to the environment holds one name and perhaps a plain default", "write ${oc.env:NAME,default}"
        )
    if not _NAME.fullmatch(found[1]):
        message = f"{found[1]!r} is not an allowed name of an environment variable"
        raise Malformed(message, "use upper-case letters, digits and _")
    quoted = next((group for group in (found[2], found[3]) if group is not None), None)
    default = quoted if quoted is not None else found[4]
    return Environment(found[1], default, quoted is not None), start + found.end()


def target_of(written: str, path: KeyPath) -> KeyPath | None:
    """Say which key a reference at ``path`` names: from the top, or by leading dots from where it stands."""
    dots = len(written) - len(written.lstrip("."))
    if dots > len(path):
        return None
    keys = key_path(written)
    return (*path[:-dots], *keys) if dots else keys


def first_keys(parts: tuple[Piece, ...]) -> Iterator[str]:
    """Name the first key of every reference that starts at the top."""
    for part in parts:
        if isinstance(part, Reference):
            yield from first_keys(part.body)
            first = part.body[0] if part.body else ""
            if isinstance(first, str) and not first.startswith("."):
                yield from key_path(first)[:1]


def variables(parts: tuple[Piece, ...]) -> Iterator[str]:
    """Name the environment variables that are referred to."""
    for part in parts:
        if isinstance(part, Environment):
            yield part.name
        elif isinstance(part, Reference):
            yield from variables(part.body)
