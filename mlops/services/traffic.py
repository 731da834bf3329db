"""What was predicted and what turned out to be true: the log of a deployment, as a server writes it and others read it.

``.mlops/deployments/NAME/requests/*.jsonl`` holds one prediction a line, in the order in which its
worker answered: ``id``, ``time`` (when it was received, in seconds since the epoch), ``version`` (of the
model), ``shadow``, ``ms`` (milliseconds that the version took for the row), ``row`` (the columns as given)
and ``answer`` (label and scores, or prediction).
``feedback/*.jsonl`` holds one label a line: ``id``, ``time``, ``label``; the last one of an id counts.
A line without its end, left by a kill, was never acknowledged and is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.services.target import folder_of
from mlops.stage import Place

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Traffic"]

_CLOCK_S = 60.0
"""How far a file system's clock may be from ours."""


@dataclass(frozen=True)
class Traffic:
    """The log of one deployment."""

    folder: Path
    """The deployment's folder."""

    @classmethod
    def of(cls, name: str, place: Place) -> Traffic:
        """Find the log of a deployment, which may be empty."""
        return cls(folder_of(name, place))

    @property
    def requests(self) -> Path:
        """Folder of the predictions' segments."""
        return self.folder / "requests"

    @property
    def feedback(self) -> Path:
        """Folder of the labels' segments."""
        return self.folder / "feedback"

    def predictions(self, *, since: float = 0.0, until: float = float("inf")) -> Iterator[dict[str, Any]]:
        """Give the acknowledged predictions received in a span of time, segment by segment."""
        for line in _lines(self.requests, since=since):
            if since <= line["time"] < until:
                yield line

    def labels(self) -> dict[str, Any]:
        """Give id → label; the last label of an id counts."""
        found: dict[str, tuple[float, Any]] = {}
        for line in _lines(self.feedback):
            if line["id"] not in found or found[line["id"]][0] <= line["time"]:
                found[line["id"]] = (line["time"], line["label"])
        return {name: label for name, (_, label) in found.items()}

    def table(self, *, since: float = 0.0, until: float = float("inf")) -> pl.DataFrame:
        """Give the predictions as a table.

        Returns:
            ``_id``, ``_time`` (UTC), ``_version``, ``_shadow``, ``_label`` (what turned out, null when not
            known yet), the columns of the rows as given, and the answer's columns with ``_answer_`` before
            their names.
        """
        from mlops.services.traffic_table import table

        return table(_segments(self.requests, since=since), self.labels(), since=since, until=until)


def _segments(folder: Path, *, since: float = 0.0) -> Iterator[Path]:
    """Name the segments that may hold lines of a time; one that was last written before it holds none."""
    for path in sorted(folder.glob("*.jsonl")):
        if path.stat().st_mtime >= since - _CLOCK_S:
            yield path


def _lines(folder: Path, *, since: float = 0.0) -> Iterator[dict[str, Any]]:
    for path in _segments(folder, since=since):
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n") and (found := _read(line)) is not None:
                    yield found


def _read(line: bytes) -> dict[str, Any] | None:
    """Read a line; one that a power cut tore is passed over."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
