"""One version of a model, ready to answer: its graph, what it takes, and what is wrong with rows it cannot take."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.errors import StageError
from mlops.formats.bundle import Bundle
from mlops.formats.rowcheck import frame_of
from mlops.services.integrity import require_whole
from mlops.services.target import Served

if TYPE_CHECKING:
    from mlops.formats.scorer import Scorer

__all__ = ["Loaded", "Wrong", "folder_of_bundle", "load", "load_folder", "same_signature"]

_SLOW_S = 0.002
_WARMING = 3


@dataclass(frozen=True)
class Wrong:
    """One value that cannot be used."""

    row: int
    """Number of the row, from 1."""

    column: str
    why: str

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        return dict(vars(self))


@dataclass(frozen=True)
class Loaded:
    """A version in memory; it may be used from several threads."""

    served: Served
    scorer: Scorer
    signature: Mapping[str, Any]
    columns: frozenset[str]
    slow: bool
    """Whether one row takes so long that others should not wait for it."""

    def answer(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Predict one row; StageError as `Scorer.score_row`."""
        return self.scorer.score_row(row)

    def answers(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Predict rows; StageError as `Scorer.score_rows`."""
        return self.scorer.score_rows(rows).to_dicts()

    def wrong(self, rows: Sequence[Mapping[str, Any]], *, most: int = 100) -> list[Wrong]:
        """Name the values, the missing ones too, that cannot be used; at most so many."""
        # A last row that is right gives every column to the frame, so that a missing one is a bad value of its row.
        frame = frame_of([*rows, self.signature["example"]], self.scorer.columns)
        found: list[Wrong] = []
        for bad in self.scorer.checked(frame).bad_values():
            if bad.row > len(rows) or len(found) >= most:
                break
            sentence = bad.sentence().removeprefix(f"column {bad.column!r}: ")
            found.append(Wrong(bad.row, bad.column, "is missing" if bad.column not in rows[bad.row - 1] else sentence))
        return found


def folder_of_bundle(bundle: str, state: Path) -> Path:
    """Find the folder of a bundle that `Served.bundle` names."""
    return Path(bundle) if Path(bundle).is_absolute() else state / bundle


def load(served: Served, state: Path, *, threads: int = 1) -> Loaded:
    """Load a version whose files are proved to be those that were deployed, and let it predict its example.

    Raises:
        ArtifactDamaged: files are missing or changed.
        StageError: the graph cannot be loaded, or fails on the example.
    """
    folder = require_whole(folder_of_bundle(served.bundle, state), served.digest)
    return load_folder(folder, served, threads=threads)


def load_folder(folder: Path, served: Served, *, threads: int = 1) -> Loaded:
    """Load a bundle without a look at its digests, for a folder whose keeper has proved it."""
    bundle = Bundle(folder)
    try:
        signature = bundle.signature
        scorer = bundle.scorer(threads=threads)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise StageError(f"this is no bundle that can be loaded: {exc}", where=str(folder)) from exc
    took = [_timed(scorer, signature["example"]) for _ in range(_WARMING)]
    return Loaded(served, scorer, signature, frozenset(scorer.columns), slow=min(took) > _SLOW_S)


def _timed(scorer: Scorer, example: Mapping[str, Any]) -> float:
    began = time.perf_counter()
    scorer.score_row(example)
    return time.perf_counter() - began


def same_signature(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Say in what two signatures differ for those who ask and read; empty when in nothing."""
    for key in ("task", "target", "classes"):
        if one.get(key) != other.get(key):
            return f"{key} {one.get(key)!r} instead of {other.get(key)!r}"
    ours, theirs = ({item["name"]: item["kind"] for item in side["inputs"]} for side in (one, other))
    missing, more = sorted(theirs.keys() - ours.keys()), sorted(ours.keys() - theirs.keys())
    changed = sorted(name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name])
    said = [
        *(f"it does not take {name!r}" for name in missing),
        *(f"it needs {name!r}" for name in more),
        *(f"{name!r} is {ours[name]} instead of {theirs[name]}" for name in changed),
    ]
    return ", ".join(said)
