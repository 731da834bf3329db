"""Runs as plain aligned text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mlops.fingerprint.values import shown
from mlops.run_reading import Run
from mlops.text import duration, size, table

__all__ = ["run_text", "runs_table"]

_MOST_METRICS = 2
_HELD_OUT = ".test."
"""Metrics on held-out rows come first: they are what runs are compared by."""

_BRIEF = 12
"""Characters of a digest that a person needs to see."""


def runs_table(runs: Sequence[Run]) -> str:
    """List runs in columns, one a line."""
    head = ("run", "recipe", "status", "started", "took", "stages", "overrides", "metrics")
    return table(head, [_row(run) for run in runs]) if runs else "no runs; mlops run recipe=NAME makes one"


def run_text(run: Run) -> str:
    """Tell all about one run, on a page."""
    facts = [
        ("run", run.id),
        ("recipe", run.recipe),
        ("overrides", " ".join(run.overrides)),
        ("status", run.status),
        ("started", _local(run.started)),
        ("took", _took(run)),
        ("seed", "" if run.seed is None else str(run.seed)),
        ("error", run.error.replace("\n", "\n           ")),
        *_environment(run.environment),
        ("folder", str(run.folder)),
    ]
    parts = ["\n".join(f"{name:<11}{value}" for name, value in facts if value)]
    if run.steps:
        parts.append(
            table(("stage", "action", "took", "memory", "made by", "outputs"), [_step(step) for step in run.steps])
        )
    if run.metrics:
        parts.append(table(("metric", "value"), [(name, _number(value)) for name, value in run.metrics.items()]))
    return "\n\n".join(parts)


def _row(run: Run) -> tuple[str, ...]:
    metrics = sorted(run.metrics.items(), key=lambda item: _HELD_OUT not in item[0])
    brief = ", ".join(f"{name} {_number(value)}" for name, value in metrics[:_MOST_METRICS])
    more = f" +{len(metrics) - _MOST_METRICS}" if len(metrics) > _MOST_METRICS else ""
    return (run.id, run.recipe, run.status, _local(run.started), _took(run), _actions(run), _changed(run), brief + more)


def _changed(run: Run) -> str:
    """Name the overrides beside the recipe itself."""
    return " ".join(text for text in run.overrides if not text.startswith("recipe=")) or "–"


def _actions(run: Run) -> str:
    actions = [step.get("action") for step in run.steps]
    counts = ((word, actions.count(action)) for action, word in (("run", "run"), ("reuse", "reused")))
    return ", ".join(f"{count} {word}" for word, count in counts if count)


def _step(step: Mapping[str, Any]) -> tuple[str, ...]:
    summaries = step.get("summaries") or {}
    made = (step.get("outputs") or {}).items()
    outputs = "; ".join(f"{name} {summaries.get(name) or str(output.get('digest'))[:_BRIEF]}" for name, output in made)
    took = duration(step["seconds"]) if step.get("seconds") else ""
    memory = _size(step.get("peak_memory"))
    return (str(step.get("stage", "")), str(step.get("action", "")), took, memory, step.get("made_by") or "", outputs)


def _environment(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    git, python = environment.get("git") or {}, environment.get("python") or {}
    cpu, system = environment.get("cpu") or {}, environment.get("os") or {}
    commit = f"{str(git.get('commit', ''))[:_BRIEF]} {git.get('branch', '')}".strip()
    gpus = ", ".join(str(gpu.get("name")) for gpu in environment.get("gpus") or [])
    return [
        ("git", commit + (", with changes" if git.get("dirty") else "")),
        ("python", str(python.get("version", ""))),
        ("system", str(system.get("name", ""))),
        ("cpu", f"{cpu['model']}, {cpu.get('usable')} usable" if cpu.get("model") else ""),
        ("memory", _size(environment.get("memory_bytes"))),
        ("gpu", gpus),
    ]


def _size(count: float | None) -> str:
    return size(count) if count else ""


def _number(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else shown(value)


def _local(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}" if text else ""


def _took(run: Run) -> str:
    if not run.started or not run.ended:
        return ""
    return duration((datetime.fromisoformat(run.ended) - datetime.fromisoformat(run.started)).total_seconds())
