"""What a Python file imports, read from its syntax tree; nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Import", "Imports", "imports_of"]

_LOADERS = frozenset({"import_module", "__import__"})
"""Calls that import what their first argument names."""

_OPAQUE = frozenset({"iter_modules", "run_module", "run_path", "spec_from_file_location", "walk_packages"})
"""Calls whose imports cannot be read from the text."""


@dataclass(frozen=True)
class Import:
    """One import statement, or one call with a constant name."""

    module: str
    level: int = 0
    """Leading dots of a relative import."""

    names: tuple[tuple[str, str], ...] | None = None
    """(name, name it is bound to) of a ``from`` import; None for a plain ``import``."""


@dataclass(frozen=True)
class Imports:
    """All imports of one file."""

    items: tuple[Import, ...] = ()
    opaque: bool = False
    """Whether the file also imports in a way that its text does not tell."""

    facade: bool = False
    """Whether the file only imports names from elsewhere (and sets constants)."""

    uses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Imported name → its attributes that the file uses, for names that are used in no other way."""

    def binding(self, name: str) -> Import | None:
        """Find the ``from`` import that gives the file this name."""
        for item in reversed(self.items):
            if any(bound == name for _, bound in item.names or ()):
                return item
        return None

    def as_json(self) -> list[Any]:
        """Give plain lists, for the hints."""
        items = [[item.module, item.level, item.names] for item in self.items]
        return [items, self.opaque, self.facade, dict(self.uses)]

    @classmethod
    def from_json(cls, value: Any) -> Imports | None:
        """Read what `as_json` gave; None when it is anything else."""
        try:
            items, opaque, facade, uses = value
            used = {str(name): tuple(map(str, attributes)) for name, attributes in uses.items()}
            return cls(tuple(_item(*item) for item in items), bool(opaque), bool(facade), used)
        except (TypeError, ValueError, AttributeError):
            return None


def imports_of(source: bytes) -> Imports:
    """Read the imports of a file; one that does not parse has none."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Imports()
    nodes = list(_executed(tree))
    constant_calls = {id(node.func): item for node in nodes if isinstance(node, ast.Call) and (item := _called(node))}
    items = [item for node in nodes for item in _stated(node)]
    opaque = any(_is_opaque(node) for node in nodes if id(node) not in constant_calls)
    found = tuple(dict.fromkeys([*items, *constant_calls.values()]))
    bound = {bound for item in items for _, bound in item.names or ()}
    return Imports(found, opaque, _is_facade(tree), _uses(nodes, bound))


def _item(module: Any, level: Any, names: Any) -> Import:
    pairs = None if names is None else tuple((str(name), str(bound)) for name, bound in names)
    return Import(str(module), int(level), pairs)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk the tree without what stands under ``if TYPE_CHECKING``, which never runs."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        typing_only = isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING"
        waiting.extend(node.orelse if typing_only and isinstance(node, ast.If) else ast.iter_child_nodes(node))


def _stated(node: ast.AST) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name)
    elif isinstance(node, ast.ImportFrom):
        pairs = tuple((alias.name, alias.asname or alias.name) for alias in node.names)
        yield Import(node.module or "", node.level, pairs)


def _called(call: ast.Call) -> Import | None:
    """Read ``import_module("constant")``; a relative name counts from the file's own package."""
    if _name(call.func) not in _LOADERS or not call.args:
        return None
    first, *others = call.args
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return None
    module = first.value.lstrip(".")
    level = len(first.value) - len(module)
    own_package = all(_name(other) in {"__package__", "__name__"} for other in others)
    if level and not (own_package and not call.keywords):
        return None
    return Import(module, level)


def _is_opaque(node: ast.AST) -> bool:
    """Whether a loader is used other than in a call with a constant, or renamed on import."""
    if isinstance(node, ast.ImportFrom):
        return any(alias.name in _LOADERS | _OPAQUE and alias.asname not in (None, alias.name) for alias in node.names)
    return _name(node) in _LOADERS | _OPAQUE


def _uses(nodes: Sequence[ast.AST], bound: set[str]) -> dict[str, tuple[str, ...]]:
    """Find the imported names that are only ever written as ``name.attribute``, and those attributes."""
    attributes = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
    inside = {id(node.value) for node in attributes}
    found: dict[str, set[str]] = {}
    for node in attributes:
        found.setdefault(_name(node.value), set()).add(node.attr)
    bare = {node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in inside}
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    plain = {name for name in found.keys() & bound - bare if not any(f"{name}." in text for text in texts)}
    return {name: tuple(sorted(found[name])) for name in sorted(plain)}


def _name(node: ast.AST) -> str:
    """Last part of a name: ``import_module`` of ``importlib.import_module``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_facade(tree: ast.Module) -> bool:
    return all(_is_facade_line(line) for line in tree.body)


def _is_facade_line(line: ast.stmt) -> bool:
    if isinstance(line, ast.ImportFrom):
        return all(alias.name != "*" for alias in line.names)
    if isinstance(line, ast.Expr):
        return isinstance(line.value, ast.Constant)
    return isinstance(line, ast.Assign) and _is_literal(line.value)


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
