"""What each version did since a moment: read from the log as it grows, and from the workers' counts."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops_serve.comparing import Seen
from mlops_serve.home import Home
from mlops_serve.meter import read_counts

__all__ = ["Watch"]

_KEPT = 20_000
"""Predictions of a version that are compared; more change nothing."""

_ERRORS = re.compile(r'mlops_prediction_errors_total\{version="(-?\d+)"\}')


class Watch:
    """Follows the log of a deployment from a moment on."""

    def __init__(self, home: Home, began: float) -> None:
        self._home = home
        self._began = began
        self._places: dict[str, int] = {}
        self._seen: defaultdict[int, Seen] = defaultdict(Seen)
        self._before = _errors(home.metrics)

    def look(self) -> dict[int, Seen]:
        """Read on, and give version → what it did."""
        for line in self._lines():
            self._take(line)
        for version, count in _errors(self._home.metrics).items():
            self._seen[version].errors = max(0.0, count - self._before.get(version, 0.0))
        return self._seen

    def _take(self, line: dict[str, Any]) -> None:
        if line["time"] < self._began:
            return
        seen = self._seen[line["version"]]
        seen.count += 1
        if len(seen.milliseconds) >= _KEPT:
            return
        seen.milliseconds.append(line.get("ms", 0.0))
        answer = line["answer"]
        if "label" in answer:
            seen.labels[answer["label"]] += 1
        *_, last = answer.values()
        if isinstance(last, int | float):
            seen.values.append(float(last))

    def _lines(self) -> Iterator[dict[str, Any]]:
        folder = self._home.folder / "requests"
        for path in sorted(folder.glob("*.jsonl")):
            if path.name not in self._places and path.stat().st_mtime < self._began:
                self._places[path.name] = path.stat().st_size
            yield from self._rest_of(path)

    def _rest_of(self, path: Path) -> Iterator[dict[str, Any]]:
        place = self._places.get(path.name, 0)
        if os.stat(path).st_size <= place:  # noqa: PTH116 - asked often
            return
        with path.open("rb") as file:
            file.seek(place)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                place += len(line)
                try:
                    yield json.loads(line)
                except ValueError:  # torn by a power cut
                    continue
        self._places[path.name] = place


def _errors(folder: Path) -> dict[int, float]:
    found = {_ERRORS.fullmatch(key): value for key, value in read_counts(folder).items()}
    return {int(match[1]): value for match, value in found.items() if match is not None}
