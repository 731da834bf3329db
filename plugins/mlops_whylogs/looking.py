"""One look: cut the rows into windows, profile and compare each, keep what was found, tell what is fresh."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mlops.durable import locked, make_folder, write_atomic
from mlops.errors import ProjectError
from mlops.services.monitor import Performance, Subject, Watched, Window
from mlops_whylogs.alerts import tell
from mlops_whylogs.drift import compare
from mlops_whylogs.page import write_page
from mlops_whylogs.performance import Judged, decayed, gaps, performances
from mlops_whylogs.sketching import profiled, read

if TYPE_CHECKING:
    from mlops.stage import Place
    from mlops_whylogs.monitor import WhylogsMonitor

__all__ = ["look"]

_YEAR = 365.25 * 86400
_ABOUT = ("_id", "_time", "_version", "_shadow", "_label")


def look(options: WhylogsMonitor, subject: Subject, place: Place) -> Watched:
    """Look at all windows; those that have not changed since the last look are not profiled again."""
    folder = place.state / "monitoring" / subject.name
    make_folder(folder / "windows")
    with locked(folder / "lock"):
        found = [_looked_at(options, subject, rows, folder=folder) for rows in _cut(options, subject)]
        windows = tuple(found)
        fresh = tuple(window.start for window in windows if window.alarms and not _was_told(folder, window))
        report = write_page(folder / "report.html", subject, windows)
        tell(options.alerts, subject.name, [w for w in windows if w.start in fresh], place=place)
        _note_told(folder, [window for window in windows if window.start in fresh])
    return Watched(subject.name, windows, fresh, report)


def _cut(options: WhylogsMonitor, subject: Subject) -> Iterator[tuple[float, pl.DataFrame]]:
    """Divide the rows by the clock; windows begin at multiples of their length since 1970."""
    rows, length = subject.rows, options.window
    if rows.is_empty():
        return
    clock = options.clock or "_time"
    if clock not in rows.columns:
        raise ProjectError(
            f"the rows have no column {clock!r} to tell when they happened",
            where="monitor.clock",
            fix=f"columns are {', '.join(name for name in rows.columns if not name.startswith('_'))}",
        )
    number = (_epoch(rows[clock]) / length).floor().cast(pl.Int64).alias("_window")
    for (index,), part in sorted(rows.with_columns(number).group_by("_window"), key=lambda item: item[0][0]):
        if index is not None:
            yield index * length, part.drop("_window")


def _epoch(values: pl.Series) -> pl.Series:
    """Read times, dates, ISO texts or numbers as seconds since 1970."""
    if values.dtype == pl.String:
        values = values.str.to_datetime(time_unit="us", strict=False, time_zone="UTC")
    if values.dtype.is_temporal():
        return values.cast(pl.Datetime("us")).dt.epoch("us") / 1e6
    return values.cast(pl.Float64)


def _looked_at(options: WhylogsMonitor, subject: Subject, cut: tuple[float, pl.DataFrame], *, folder: Path) -> Window:
    start, rows = cut
    length = options.window
    reference = subject.reference(_versions(rows))
    judged = Judged.of(rows, reference.signature)
    window = Window(_iso(start), _iso(start + length), rows.height, judged.truth.size, _versions(rows))
    if rows.height < options.min_rows:
        note = f"{rows.height} rows are fewer than monitor.min_rows={options.min_rows}"
        return Window(**{**vars(window), "note": note})
    seen = read(_profile(folder / "windows", start, rows))
    level = options.false_alarms_per_year * length / _YEAR
    seen = {name: column for name, column in seen.items() if name not in options.ignore}
    drift = compare(reference.profile.facts, seen, options.floors, level=min(level, 0.05))
    metrics = performances(judged, reference.signature, reference.measured)
    headline = _headline(options, reference.measured, metrics)
    decay = decayed(metrics, headline, most=options.max_decay, least=options.min_labels, labels=judged.truth.size)
    unfair = gaps(judged, options.groups, reference.signature, floor=options.max_gap)
    kept = {**vars(window), "findings": (*decay, *unfair, *drift), "performance": tuple(metrics)}
    return Window(**kept)


def _profile(folder: Path, start: float, rows: pl.DataFrame) -> bytes:
    """Profile a window, or read the profile of the very same rows."""
    columns = rows.drop(name for name in _ABOUT if name in rows.columns)
    digest = hashlib.sha256(rows["_id"].sort().hash(seed=0).to_numpy().tobytes()).hexdigest()[:16]
    path = folder / f"{int(start)}.{rows.height}.{digest}.bin"
    if path.exists():
        return path.read_bytes()
    for old in folder.glob(f"{int(start)}.*.bin"):
        old.unlink(missing_ok=True)
    made = profiled(columns)
    write_atomic(path, made)
    return made


def _versions(rows: pl.DataFrame) -> tuple[int, ...]:
    found = rows["_version"].drop_nulls().unique().sort().to_list() if "_version" in rows.columns else []
    return tuple(found)


def _headline(options: WhylogsMonitor, measured: Mapping[str, Any], found: list[Performance]) -> str:
    names = [item.metric for item in found]
    wanted = options.metric or str(measured.get("headline", ""))
    if options.metric and found and options.metric not in names:
        raise ProjectError(
            f"{options.metric!r} cannot be measured on served rows",
            where="monitor.metric",
            fix=f"choose one of {', '.join(names)}",
        )
    return wanted if wanted in names else next((name for name in ("log_loss", "rmse") if name in names), "")


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _alarm_key(window: Window) -> str:
    return "|".join([window.start, *sorted(f"{item.kind}:{item.what}" for item in window.alarms)])


def _told(folder: Path) -> list[str]:
    path = folder / "told.json"
    return list(json.loads(path.read_bytes())) if path.exists() else []


def _was_told(folder: Path, window: Window) -> bool:
    return _alarm_key(window) in _told(folder)


def _note_told(folder: Path, windows: list[Window]) -> None:
    if windows:
        keys = [*_told(folder), *map(_alarm_key, windows)]
        write_atomic(folder / "told.json", json.dumps(keys, indent=1).encode() + b"\n")
