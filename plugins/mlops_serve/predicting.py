"""Rows → answers: routed, predicted, logged before anybody is told, and shown to the versions that look on."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from mlops.errors import StageError
from mlops_serve.fleet import Fleet
from mlops_serve.loaded import Loaded
from mlops_serve.meter import Meter
from mlops_serve.questions import Refused, bad_values, encode, require_known, undefined
from mlops_serve.request_log import Segments
from mlops_serve.routing import Routes
from mlops_serve.settings import Settings

__all__ = ["Asked", "Predictor"]

_MANY = 32
"""Rows from which on others should not wait for them."""

_SHADOWED = 256
"""Requests that may wait for a shadow."""


@dataclass(frozen=True)
class Asked:
    """Rows of one request."""

    rows: Sequence[Mapping[str, Any]]
    alone: bool
    """Whether it was one row, not a list of them."""

    body: bytes
    key: str
    """What the request says it is to be routed by; empty for nothing."""


@dataclass(frozen=True)
class _Part:
    """Rows that one version answered."""

    loaded: Loaded
    places: Sequence[int]
    answers: Sequence[str]
    """As JSON."""

    seconds: float


class Predictor:
    """Answers rows; for one event loop."""

    def __init__(self, fleet: Fleet, settings: Settings, meter: Meter, log: Segments | None) -> None:
        self._fleet = fleet
        self._settings = settings
        self._meter = meter
        self._log = log
        self._extra = frozenset(settings.extra_columns)
        self._prefix = os.urandom(8).hex()
        self._number = 0
        self._pool = ThreadPoolExecutor(1, "rows")
        self._shadow_pool = ThreadPoolExecutor(1, "shadow")
        self._shadowed = 0

    async def answer(self, asked: Asked) -> bytes:
        """Predict, log, and give the body of the answer.

        Raises:
            Refused: rows are bad, the log is broken, or no version can predict them.
        """
        routes = self._fleet.routes
        if routes is None:
            raise Refused(503, "no version is loaded yet", headers=((b"retry-after", b"1"),))
        require_known(asked.rows, routes.leading, self._extra)
        began = time.time()
        names = [self._name() for _ in asked.rows]
        parts = await self._parts(asked, routes, names)
        self._keep(_lines(asked, parts, names, began))
        if routes.shadows:
            self._show(asked, routes, names, began)
        return _body(asked, parts, names)

    def _name(self) -> str:
        self._number += 1
        return f"{self._prefix}{self._number:08x}"

    async def _parts(self, asked: Asked, routes: Routes[Loaded], names: Sequence[str]) -> list[_Part]:
        groups: dict[int, list[int]] = {}
        for place, row in enumerate(asked.rows):
            chosen = routes.pick(self._key(asked, row, names[place])) if len(routes.live) > 1 else routes.live[0]
            groups.setdefault(id(chosen), []).append(place)
        versions = {id(item): item for item in routes.live}
        return [await self._part(asked, versions[key], places, routes.leading) for key, places in groups.items()]

    def _key(self, asked: Asked, row: Mapping[str, Any], name: str) -> str:
        if asked.key:
            return asked.key
        value = row.get(self._settings.route_by) if self._settings.route_by else None
        return name if value is None else str(value)

    async def _part(self, asked: Asked, loaded: Loaded, places: Sequence[int], leading: Loaded) -> _Part:
        rows = asked.rows if len(places) == len(asked.rows) else [asked.rows[place] for place in places]
        began = time.perf_counter()
        try:
            if loaded.slow or len(rows) > _MANY:
                answers = await asyncio.get_running_loop().run_in_executor(self._pool, _predict, loaded, rows)
            else:
                answers = _predict(loaded, rows)
        except Exception as exc:  # whatever a version does, its requests go to the one that leads
            self._refuse_bad(exc, loaded, asked, places)
            self._meter.add("mlops_prediction_errors_total", _version(loaded), value=len(rows))
            if loaded is leading and isinstance(exc, _Undefined):
                raise undefined([places[row] + 1 for row in exc.rows], len(asked.rows)) from exc
            if loaded is leading:
                raise Refused(500, f"version {loaded.served.version} cannot predict these rows: {exc}") from exc
            return await self._part(asked, leading, places, leading)
        seconds = time.perf_counter() - began
        self._meter.time("mlops_prediction_seconds", _version(loaded), seconds)
        self._meter.add("mlops_predictions_total", f'{_version(loaded)},shadow="false"', value=len(rows))
        return _Part(loaded, places, answers, seconds)

    def _refuse_bad(self, exc: Exception, loaded: Loaded, asked: Asked, places: Sequence[int]) -> None:
        """Blame the rows where they are to blame."""
        if not isinstance(exc, StageError):
            return
        found = loaded.wrong([asked.rows[place] for place in places])
        if found:
            placed = [type(item)(places[item.row - 1] + 1, item.column, item.why) for item in found]
            raise bad_values(placed, len(asked.rows)) from exc

    def _keep(self, lines: bytes) -> None:
        if self._log is None:
            return
        try:
            self._log.append(lines)
        except OSError as exc:
            self._meter.add("mlops_log_errors_total")
            if self._settings.log == "required":
                raise Refused(
                    503, f"predictions cannot be logged: {exc.strerror}", headers=((b"retry-after", b"5"),)
                ) from exc

    def _show(self, asked: Asked, routes: Routes[Loaded], names: Sequence[str], began: float) -> None:
        """Ask the versions that look on, behind everybody's back."""
        if self._shadowed >= _SHADOWED:
            self._meter.add("mlops_shadow_dropped_total", value=len(asked.rows))
            return
        self._shadowed += 1
        loop = asyncio.get_running_loop()
        for loaded in routes.shadows:
            made = loop.run_in_executor(self._shadow_pool, _shadow, loaded, asked.rows)
            made.add_done_callback(lambda done, seen=loaded: self._shown(done, seen, asked, names, began))  # type: ignore[misc] # mypy cannot tell a default of a lambda

    def _shown(
        self, done: asyncio.Future[_Part | Exception], loaded: Loaded, asked: Asked, names: Sequence[str], began: float
    ) -> None:
        self._shadowed = max(0, self._shadowed - 1)
        found = None if done.cancelled() else done.result()
        if not isinstance(found, _Part):
            self._meter.add("mlops_prediction_errors_total", _version(loaded), value=len(asked.rows))
            return
        self._meter.add("mlops_predictions_total", f'{_version(loaded)},shadow="true"', value=len(asked.rows))
        if self._log is not None:
            try:
                self._log.append(_lines(asked, [found], names, began, shadow=True))
            except OSError:
                self._meter.add("mlops_log_errors_total")

    def close(self) -> None:
        """End the threads; what shadows were asked is finished first."""
        self._pool.shutdown()
        self._shadow_pool.shutdown()


@dataclass
class _Undefined(Exception):
    """A prediction is no finite number: a value that the graph needs was missing, or too large for it."""

    rows: tuple[int, ...]


def _predict(loaded: Loaded, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    answers = [loaded.answer(rows[0])] if len(rows) == 1 else loaded.answers(rows)
    try:
        return [encode(answer) for answer in answers]
    except ValueError as exc:
        raise _Undefined(tuple(row for row, answer in enumerate(answers) if not _is_finite(answer))) from exc


def _is_finite(answer: Mapping[str, Any]) -> bool:
    return all(math.isfinite(value) for value in answer.values() if isinstance(value, float))


def _shadow(loaded: Loaded, rows: Sequence[Mapping[str, Any]]) -> _Part | Exception:
    began = time.perf_counter()
    try:
        answers = _predict(loaded, rows)
    except Exception as exc:  # noqa: BLE001 - a shadow's failure is counted and changes nothing
        return exc
    return _Part(loaded, range(len(rows)), answers, time.perf_counter() - began)


def _version(loaded: Loaded) -> str:
    return f'version="{loaded.served.version}"'


def _lines(asked: Asked, parts: Sequence[_Part], names: Sequence[str], began: float, *, shadow: bool = False) -> bytes:
    """Write the lines of the log; the body of a single row is its row as given."""
    as_given = asked.alone and b"\n" not in asked.body and b"\r" not in asked.body
    found = []
    for part in parts:
        middle = f'"time":{began:.6f},"version":{part.loaded.served.version},"shadow":{"true" if shadow else "false"}'
        each = f'{middle},"ms":{part.seconds * 1000 / len(part.places):.4f}'
        for place, answer in zip(part.places, part.answers, strict=True):
            row = asked.body.decode() if as_given else encode(asked.rows[place])
            found.append(f'{{"id":"{names[place]}",{each},"row":{row},"answer":{answer}}}\n')
    return "".join(found).encode()


def _body(asked: Asked, parts: Sequence[_Part], names: Sequence[str]) -> bytes:
    made: dict[int, str] = {}
    for part in parts:
        version = part.loaded.served.version
        for place, answer in zip(part.places, part.answers, strict=True):
            made[place] = f'{{"id":"{names[place]}","version":{version},"prediction":{answer}}}'
    if asked.alone:
        return made[0].encode()
    return f'{{"predictions":[{",".join(made[place] for place in sorted(made))}]}}'.encode()
