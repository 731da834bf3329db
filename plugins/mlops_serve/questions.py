"""Bodies of requests → rows and labels, or what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from mlops_serve.loaded import Loaded, Wrong

__all__ = ["Refused", "bad_values", "encode", "labels_of", "parsed", "require_known", "rows_of", "undefined"]

_LONGEST_ID = 128
_LISTED = 100

encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
"""Write JSON without blanks; a number that JSON does not have is a ValueError."""


@dataclass(eq=False)
class Refused(Exception):
    """A request that is not answered as asked."""

    status: int
    what: str
    fix: str = ""
    details: tuple[Wrong, ...] = ()
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False
    """Whether the connection ends, as the rest of the request is not wanted."""

    def body(self) -> bytes:
        """Write the answer."""
        said: dict[str, Any] = {"error": self.what}
        if self.fix:
            said["fix"] = self.fix
        if self.details:
            said["details"] = [item.to_json() for item in self.details]
        return encode(said).encode()


def parsed(body: bytes) -> Any:
    """Read strict JSON: UTF-8, no NaN or Infinity, no key twice.

    Raises:
        Refused: it is something else.
    """
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise Refused(400, f"the body is not UTF-8: {exc.reason} at byte {exc.start}") from exc
    except RecursionError as exc:
        raise Refused(400, "the body is nested too deeply") from exc
    except ValueError as exc:
        raise Refused(400, f"the body is not JSON: {exc}") from exc


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return made


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON; write null for a missing value")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_no_number)


def rows_of(value: Any, *, most: int) -> tuple[list[dict[str, Any]], bool]:
    """Take the rows out of a body; say too whether it was one row alone.

    Raises:
        Refused: there is none, there are too many, or one is not an object.
    """
    if isinstance(value, dict) and not (value.keys() == {"rows"} and isinstance(value["rows"], list)):
        return [value], True
    if not isinstance(value, dict):
        raise Refused(422, "the body is neither a row nor rows", 'send {"COLUMN": value, …} or {"rows": [{…}, …]}')
    rows = value["rows"]
    if not rows:
        raise Refused(422, "there are no rows", 'send {"rows": [{"COLUMN": value, …}, …]}')
    if len(rows) > most:
        raise Refused(413, f"{len(rows):,} rows are more than {most:,}", "send fewer rows at a time")
    strange = [place for place, row in enumerate(rows, 1) if not isinstance(row, dict)]
    if strange:
        raise Refused(422, f"row {strange[0]:,} is not an object of columns", 'send {"rows": [{"COLUMN": value, …}]}')
    return rows, False


def require_known(rows: Sequence[Mapping[str, Any]], loaded: Loaded, extra: frozenset[str]) -> None:
    """See that rows have no column that the model does not know.

    Raises:
        Refused: there is one; near names are suggested, and what else is wrong is named too.
    """
    known = loaded.columns
    if all(row.keys() <= known for row in rows):
        return
    found = [
        Wrong(place, name, f"is not a column of the model{_near(name, known)}")
        for place, row in enumerate(rows, 1)
        for name in sorted(row.keys() - known - extra)
    ]
    if found:
        raise bad_values(sorted([*found, *loaded.wrong(rows)], key=lambda item: item.row), len(rows))


def bad_values(found: Sequence[Wrong], count: int) -> Refused:
    """Say which values are bad."""
    rows = len({item.row for item in found})
    said = f"{len(found):,} bad {'value' if len(found) == 1 else 'values'} in {rows:,} of {count:,} rows"
    return Refused(422, said, "GET /schema tells what each column takes", tuple(found[:_LISTED]))


def undefined(rows: Sequence[int], count: int) -> Refused:
    """Say for which rows, from 1, the model gives no finite number."""
    details = tuple(Wrong(row, "", "the model gives no finite number") for row in rows[:_LISTED])
    said = f"no finite prediction for {len(rows):,} of {count:,} rows"
    return Refused(422, said, "a value that the model needs is missing, or too large", details)


def _near(name: str, known: frozenset[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; is it {near[0]!r}?" if near else ""


def labels_of(value: Any, classes: Sequence[Any], *, most: int) -> list[tuple[str, Any]]:
    """Take ids and labels out of a body.

    Raises:
        Refused: one is not there, or is none that the model can give.
    """
    given = value["labels"] if isinstance(value, dict) and value.keys() == {"labels"} else [value]
    if not isinstance(given, list) or not given:
        raise Refused(422, "there are no labels", 'send {"id": …, "label": …} or {"labels": [{…}, …]}')
    if len(given) > most:
        raise Refused(413, f"{len(given):,} labels are more than {most:,}", "send fewer at a time")
    found = [wrong for place, item in enumerate(given, 1) if (wrong := _wrong_label(place, item, classes))]
    if found:
        raise bad_values(found, len(given))
    return [(item["id"], item["label"]) for item in given]


def _wrong_label(place: int, item: Any, classes: Sequence[Any]) -> Wrong | None:
    if not isinstance(item, dict):
        return Wrong(place, "", "is not an object of id and label")
    strange = sorted({"id", "label"} ^ item.keys())
    if strange:
        return Wrong(place, strange[0], "is missing" if strange[0] in ("id", "label") else "is neither id nor label")
    if not isinstance(item["id"], str) or not 0 < len(item["id"]) <= _LONGEST_ID or not item["id"].isprintable():
        return Wrong(place, "id", "is not the id that a prediction came with")
    label = item["label"]
    if classes:
        fits = any(type(label) is type(known) and label == known for known in classes)
        return None if fits else Wrong(place, "label", f"is not one of {', '.join(map(repr, classes[:20]))}")
    is_number = isinstance(label, int | float) and not isinstance(label, bool) and abs(label) < float("inf")
    return None if is_number else Wrong(place, "label", "is not a number")
