"""Nested parameters: flattened to dotted paths, shown briefly, and told apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["changes", "flattened", "shown"]

_LONGEST = 60
"""Characters that a value may take in one line of a plan."""

_BARE = re.compile(r"[A-Za-z_./*][\w./*:+@ -]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "nan", "inf"})


def changes(old: Mapping[str, Any], new: Mapping[str, Any], *, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Tell two nested mappings apart.

    Yields:
        Dotted path, and what happened to it: ``0.01 → 0.02``, ``added: 3``, ``removed (was 3)``.
    """
    before = dict(flattened(old, prefix=prefix)) if old else {}
    after = dict(flattened(new, prefix=prefix)) if new else {}
    for path in sorted({*before, *after}):
        if path in before and path in after:
            if not same(before[path], after[path]):
                yield path, _changed(before[path], after[path])
        elif path in after and not _is_within(path, before):
            was = _inside(path, before)
            yield path, f"{was} → {shown(after[path])}" if was else f"added: {shown(after[path])}"
        elif path in before and not _is_within(path, after):
            now = _inside(path, after)
            yield path, f"{shown(before[path])} → {now}" if now else f"removed (was {shown(before[path])})"


def flattened(value: Any, *, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf with its dotted path; a list of plain values is a leaf, any other is indexed."""
    if isinstance(value, Mapping) and (value or not prefix):
        for key, item in value.items():
            name = _plain_key(str(key))
            yield from flattened(item, prefix=f"{prefix}.{name}" if prefix else name)
    elif _is_deep(value):
        for index, item in enumerate(value):
            yield from flattened(item, prefix=f"{prefix}[{index}]")
    else:
        yield prefix, value


def same(old: Any, new: Any) -> bool:
    """Whether two values are the same in a key: ``1``, ``1.0`` and ``true`` are three values."""
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def shown(value: Any) -> str:
    """Write a value in one short line, as YAML would."""
    if isinstance(value, str) and _BARE.fullmatch(value) and value.lower() not in _WORDS:
        text = value
    elif isinstance(value, (list, tuple)):
        text = f"[{', '.join(shown(item) for item in value)}]"
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return _trimmed(text)


def _plain_key(key: str) -> str:
    """Quote a key that would read as a path."""
    return json.dumps(key, ensure_ascii=False) if not key or any(sign in key for sign in '.[]"') else key


def _is_deep(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(item, (Mapping, list, tuple)) for item in value)


def _is_within(path: str, leaves: Mapping[str, Any]) -> bool:
    """Whether one of the path's parents is a leaf on the other side; then that is what is told."""
    return any(path.startswith((f"{leaf}.", f"{leaf}[")) for leaf in leaves)


def _inside(path: str, leaves: Mapping[str, Any]) -> str:
    """Show the leaves below a path as one value; empty when there are none."""
    below = [leaf for leaf in leaves if leaf.startswith((f"{path}.", f"{path}["))]
    brief = ", ".join(f"{leaf[len(path) :].lstrip('.')}: {shown(leaves[leaf])}" for leaf in below)
    return _trimmed(f"{{{brief}}}") if below else ""


def _trimmed(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _changed(old: Any, new: Any) -> str:
    before, after = shown(old), shown(new)
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)) and "…" in before + after:
        return _moved(old, new)
    if before == after:
        return f"changed from character {_first_difference(str(old), str(new)) + 1} on"
    return f"{before} → {after}"


def _moved(old: Sequence[Any], new: Sequence[Any]) -> str:
    """Tell two long lists apart by what came and went."""
    came = [item for item in new if item not in old]
    went = [item for item in old if item not in new]
    parts = [f"added {shown(came)}"] * bool(came) + [f"removed {shown(went)}"] * bool(went)
    return ", ".join(parts) or "in another order"


def _first_difference(old: str, new: str) -> int:
    pairs = zip(old, new, strict=False)
    return next((index for index, (left, right) in enumerate(pairs) if left != right), min(len(old), len(new)))
