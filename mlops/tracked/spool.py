"""Events of a run, as it writes them → what a tracker is to be told, from where it left off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlops.run_reading import EVENTS_FILE
from mlops.services.tracker import Measurement

__all__ = ["Portion", "milliseconds", "portion"]

_CHUNK = 1 << 18
"""Bytes read at once; a line is far shorter."""

_MOST = 1000
"""Measurements in a portion: what MLflow takes at once."""


@dataclass(frozen=True)
class Portion:
    """The next measurements, and where reading goes on after them."""

    measurements: tuple[Measurement, ...]
    offset: int
    steps: Mapping[str, int]
    """Metric → its last step so far."""

    at_end: bool
    """Whether there was nothing more to read."""


def portion(folder: Path, *, offset: int, steps: Mapping[str, int]) -> Portion:
    """Read a run's next measurements.

    Args:
        folder: the run's.
        offset: bytes already dealt with.
        steps: metric → last step up to there.

    Returns:
        At most 1,000 measurements; a line that is still being written is left for the next time.
    """
    found: list[Measurement] = []
    known = dict(steps)
    chunk = _chunk(folder / EVENTS_FILE, offset)
    position = offset
    for line in chunk[: chunk.rfind(b"\n") + 1].splitlines(keepends=True):
        made = list(_measured(line, known))
        if len(found) + len(made) > _MOST and found:
            return Portion(tuple(found), position, known, at_end=False)
        known |= {item.name: item.step for item in made if item.step}
        found += made
        position += len(line)
    return Portion(tuple(found), position, known, at_end=len(chunk) < _CHUNK or position == offset)


def milliseconds(time: str) -> int:
    """Turn an ISO time into milliseconds since the epoch; 0 when it is none."""
    try:
        return round(datetime.fromisoformat(time).timestamp() * 1000)
    except ValueError:
        return 0


def _chunk(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            found = file.read(_CHUNK)
            while len(found) % _CHUNK == 0 and b"\n" not in found and (more := file.read(_CHUNK)):
                found += more
            return found
    except OSError:
        return b""


def _measured(line: bytes, steps: Mapping[str, int]) -> Iterator[Measurement]:
    """Give what a line measures; a metric that was reused was measured once and is sent once."""
    try:
        event = json.loads(line)
        kind, time = event["event"], milliseconds(event["time"])
        if kind == "metric":
            name = f"{event['stage']}.{event['name']}"
            step = event["step"] if event.get("step") is not None else steps.get(name, 0)
            yield Measurement(name, float(event["value"]), int(step), time)
        elif kind == "stage-finished":
            yield from _of_stage(event, time)
    except (ValueError, KeyError, TypeError, AttributeError):
        return


def _of_stage(event: Mapping[str, Any], time: int) -> Iterator[Measurement]:
    stage = event["stage"]
    if event.get("action") == "run":
        yield Measurement(f"seconds.{stage}", float(event.get("seconds") or 0.0), 0, time)
    if event.get("action") == "reuse":
        for name, value in (event.get("metrics") or {}).items():
            yield Measurement(f"{stage}.{name}", float(value), 0, time)
