"""One look: cut the rows into windows, profile and compare each, keep what was found, tell what is fresh."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mlops import __version__
from mlops.durable import locked, make_folder, write_atomic, write_hint
from mlops.errors import ProjectError
from mlops.services.monitor import Finding, Performance, Reference, Subject, Watched, Window
from mlops_whylogs.dependence import independence
from mlops_whylogs.drift import compare
from mlops_whylogs.page import write_page
from mlops_whylogs.performance import Judged, decayed, gaps, performances
from mlops_whylogs.reference import kind_of
from mlops_whylogs.sketching import Seen, profiled_and_read, read
from mlops_whylogs.spans import Span, spans_of
from mlops_whylogs.told import tell_once

if TYPE_CHECKING:
    from mlops.stage import Place
    from mlops_whylogs.monitor import WhylogsMonitor

__all__ = ["look"]

_MOST_OFTEN = 0.05
"""Highest probability of a false alarm in a window, however long it is."""

_ABOUT = ("_id", "_time", "_version", "_shadow", "_label")


def look(options: WhylogsMonitor, subject: Subject, place: Place) -> Watched:
    """Look at all windows; those that have not changed since the last look are not profiled again."""
    folder = place.state / "monitoring" / subject.name
    make_folder(folder / "windows")
    clock = options.clock or "_time"
    with locked(folder / "lock"):
        spans = spans_of(subject.rows, clock, options.window)
        windows = tuple(_looked_at(options, subject, span, folder=folder) for span in spans)
        fresh = tell_once(options.alerts, subject.name, windows, place=place)
        report = write_page(folder / "report.html", subject, windows)
    return Watched(subject.name, windows, fresh, report, clock)


def _looked_at(options: WhylogsMonitor, subject: Subject, span: Span, *, folder: Path) -> Window:
    versions = _versions(span.rows)
    reference = subject.reference(versions)
    rows, note = _comparable(span.rows, subject, reference)
    judged = Judged.of(rows, reference.signature)
    counts = span.rows.height, judged.truth.size
    window = Window(span.start.isoformat(), span.end.isoformat(), *counts, tuple(sorted(versions)), note=note)
    if rows.height < options.min_rows:
        few = f"{rows.height} rows are fewer than monitor.min_rows={options.min_rows}"
        return replace(window, note="; ".join(filter(None, (note, few))))
    level = min(options.false_alarms_per_year * span.years, _MOST_OFTEN)
    metrics = performances(judged, reference.signature, reference.measured)
    headline = _headline(options, reference.measured, metrics)
    enough = headline is not None and judged.truth.size >= options.min_labels
    decay = decayed(headline, judged.truth.size, most=options.max_decay, level=level) if headline and enough else []
    unfair = gaps(judged, options.groups, reference.signature, floor=options.max_gap, level=level)
    drift = _drift(options, reference, replace(span, rows=rows), level=level, folder=folder / "windows")
    return replace(window, findings=(*decay, *unfair, *drift), performance=tuple(metrics))


def _comparable(rows: pl.DataFrame, subject: Subject, reference: Reference) -> tuple[pl.DataFrame, str]:
    """Leave out rows of versions that take other columns, or answer something else, than the reference."""
    same = _shape(reference)
    other = [number for number, known in subject.references.items() if _shape(known) != same]
    kept = rows.filter(~pl.col("_version").is_in(other).fill_null(value=False)) if other else rows
    left = rows.height - kept.height
    return kept, f"{left:,} rows were answered by versions with another signature and are left out" if left else ""


def _shape(reference: Reference) -> tuple[Any, ...]:
    signature = reference.signature
    inputs = sorted(item["name"] for item in signature["inputs"])
    return signature["task"], tuple(map(str, signature["classes"])), tuple(inputs)


def _drift(options: WhylogsMonitor, reference: Reference, span: Span, *, level: float, folder: Path) -> list[Finding]:
    """Compare a window, or read what was found when these very rows were compared with this very reference."""
    facts = reference.profile.facts
    columns = _as_described(span.rows.drop(name for name in _ABOUT if name in span.rows.columns), facts)
    rows = _digest(columns)
    asked = repr((__version__, facts, sorted(options.ignore), options.floors, level))
    kept = folder / f"{span.start:%Y%m%dT%H%M%S}.{rows}.{hashlib.sha256(asked.encode()).hexdigest()[:12]}.json"
    with suppress(OSError, ValueError, TypeError):  # not there yet, or damaged: it is made again
        return [Finding(**item) for item in json.loads(kept.read_bytes())]
    for old in folder.glob(f"{span.start:%Y%m%dT%H%M%S}.*"):
        if not old.name.startswith(f"{span.start:%Y%m%dT%H%M%S}.{rows}."):
            old.unlink(missing_ok=True)
    wanted = {item["name"] for item in facts["columns"]} | {f"_answer_{item['name']}" for item in facts["predictions"]}
    profile = kept.with_name(f"{span.start:%Y%m%dT%H%M%S}.{rows}.bin")
    seen = {name: column for name, column in _seen(profile, columns).items() if name in wanted - {*options.ignore}}
    seen = {name: replace(column, independent=independence(columns[name])) for name, column in seen.items()}
    found = list(compare(facts, seen, options.floors, level=level))
    write_hint(kept, json.dumps([vars(item) for item in found]).encode())
    return found


def _digest(columns: pl.DataFrame) -> str:
    """Know rows by what they hold, in any order."""
    plain = columns.select(name for name, kind in columns.schema.items() if not kind.is_nested())
    return hashlib.sha256(plain.hash_rows().sort().to_numpy().tobytes() + repr(plain.schema).encode()).hexdigest()[:20]


def _seen(path: Path, columns: pl.DataFrame) -> dict[str, Seen]:
    """Profile a window, or read its profile."""
    if path.exists():
        with suppress(ProjectError):  # damaged: it is made again
            return read(path.read_bytes())
    made, seen = profiled_and_read(columns)
    write_atomic(path, made)
    return seen


def _as_described(columns: pl.DataFrame, facts: Mapping[str, Any]) -> pl.DataFrame:
    """Read columns as they were described: a number that came as text is one, a text that came as number is not."""
    kinds = {item["name"]: item["kind"] for item in facts["columns"]}
    kinds |= {f"_answer_{item['name']}": item["kind"] for item in facts["predictions"]}
    types = {"numeric": pl.Float64, "text": pl.String}
    wrong = [
        pl.col(name).cast(types[kinds[name]], strict=False)
        for name, dtype in columns.schema.items()
        if kinds.get(name) in types and kind_of(dtype) != kinds[name] and not dtype.is_nested()
    ]
    return columns.with_columns(wrong)


def _versions(rows: pl.DataFrame) -> list[int]:
    """List the versions that answered, the one that answered most first; the later one of equals."""
    counts = rows["_version"].drop_nulls().value_counts().sort(["count", "_version"], descending=True)
    return counts["_version"].to_list()


def _headline(options: WhylogsMonitor, measured: Mapping[str, Any], found: Sequence[Performance]) -> Performance | None:
    """Choose the metric that counts, among those that can be measured on served rows."""
    there = {item.metric: item for item in found}
    if options.metric and there and options.metric not in there:
        raise ProjectError(
            f"{options.metric!r} cannot be measured on served rows",
            where="monitor.metric",
            fix=f"choose one of {', '.join(there)}",
        )
    wanted = (options.metric, str(measured.get("headline", "")), "log_loss", "rmse")
    return next((there[name] for name in wanted if name in there), None)
