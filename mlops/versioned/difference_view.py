"""A difference between two tables as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mlops.text import table
from mlops.versioned.difference import SHOWN_SHARES, Change, Difference, at

__all__ = ["render"]

_LISTED = 4
"""Values named of those that came or went."""


def render(difference: Difference, *, names: tuple[str, str]) -> str:
    """Write a difference as people read it; columns that moved most come first."""
    lines = [f"{names[0]} → {names[1]}", f"rows     {_rows(difference.rows)}", f"columns  {_columns(difference)}"]
    if difference.is_same:
        return "\n".join([*lines, "the same rows in the same order"])
    moved = [change for change in difference.changes if change.verdict != "same"]
    moved.sort(key=lambda change: -(change.distance.psi if change.distance else float("inf")))
    calm = len(difference.changes) - len(moved)
    if moved:
        head = ("column", "shift", "psi", "missing", "distinct", "what moved")
        lines += ["", table(head, [_row(change) for change in moved])]
    if calm:
        lines += ["", f"{calm} of {len(difference.changes)} columns are spread as they were"]
    return "\n".join(lines)


def _rows(rows: tuple[int, int]) -> str:
    old, new = rows
    share = f" ({(new - old) / old:+.1%})" if old and old != new else ""
    return f"{old:,} → {new:,}{share}"


def _columns(difference: Difference) -> str:
    words = [f"+ {column.name} ({column.type})" for column in difference.came]
    words += [f"- {column.name} ({column.type})" for column in difference.went]
    words += [f"{change.old.name} {change.old.type} → {change.new.type}" for change in difference.retyped]
    return ", ".join(words) or f"the same {len(difference.changes)}"


def _row(change: Change) -> tuple[str, ...]:
    psi = f"{change.distance.psi:.3f}" if change.distance else "–"
    missing = _pair([f"{share:.1%}" for share in change.missing])
    distinct = _pair([_count(change.old.distinct), _count(change.new.distinct)])
    return (change.new.name, change.verdict, psi, missing, distinct, _moved(change))


def _moved(change: Change) -> str:
    if change.verdict == "retyped":
        return ""
    if change.new.kind in ("text", "flag"):
        return _values(change)
    places = (
        f"{share} %: {_shown(change, at(change.old, share))} → {_shown(change, at(change.new, share))}"
        for share in SHOWN_SHARES
    )
    mean = [f"mean {_number(change.old.mean)} → {_number(change.new.mean)}"] if change.new.mean is not None else []
    return ", ".join([*mean, *places])


def _values(change: Change) -> str:
    words = []
    for word, values in (("new", change.came), ("gone", change.went)):
        if values:
            listed = ", ".join(f"{name} {share:.1%}" for name, share in values[:_LISTED])
            words.append(f"{word}: {listed}{' …' if len(values) > _LISTED else ''}")
    return "; ".join(words) or _shifted(change)


def _shifted(change: Change) -> str:
    """Name the value whose share moved most."""
    old, new = dict(change.old.counts), dict(change.new.counts)
    shares = {name: (old[name] / change.rows[0], new[name] / change.rows[1]) for name in new if name in old}
    if not shares:
        return ""
    name = max(shares, key=lambda key: abs(shares[key][1] - shares[key][0]))
    return f"{name}: {shares[name][0]:.1%} → {shares[name][1]:.1%}"


def _pair(texts: Sequence[str]) -> str:
    return texts[0] if texts[0] == texts[1] else f"{texts[0]} → {texts[1]}"


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _shown(change: Change, value: float | None) -> str:
    if value is not None and change.new.kind == "time" and change.new.type.startswith("Date"):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    return _number(value)


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}"
