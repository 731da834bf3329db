"""What the latest runs of both trees measured: metrics with intervals, gates, tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops.fingerprint import Ingredients
from mlops.outline import Outline
from mlops.pull_report.model import GateResult, MetricChange
from mlops.run_reading import Run
from mlops.store import Store

__all__ = ["documents", "gates_of", "metrics_of", "run_of"]

_INPUTS: Mapping[str, Any] = {"inputs": {}}
_OUTSIDE: Mapping[str, Any] = {"inputs": {}, "libraries": {}, "sources": {}}
"""Ingredients that are left out when a run is held against an outline."""

_PARTS = ("test",)
"""Metrics of held-out rows are what a change is judged by."""


def run_of(outline: Outline | None, runs: Sequence[Run], *, commit: str = "") -> tuple[Run | None, bool]:
    """Find the run that stands for a tree.

    Args:
        outline: of the tree's recipe.
        runs: the recipe's finished runs, the newest first.
        commit: the tree's commit, for runs made with other libraries.

    Returns:
        The fullest run, then the newest, whose every stage is made of what the outline says, and True; else
        one made at that very commit that differs in libraries and data alone, and False; else None.
    """
    exact = [run for run in runs if outline and _fits(run, outline, besides=_INPUTS)]
    if exact:
        return max(exact, key=lambda run: (len(run.steps), run.id)), True
    near = [run for run in runs if outline and commit and _is_at(run, commit) and _fits(run, outline, besides=_OUTSIDE)]
    return max(near, key=lambda run: (len(run.steps), run.id), default=None), False


def _fits(run: Run, outline: Outline, *, besides: Mapping[str, Any]) -> bool:
    made_of = {str(step["stage"]): step.get("ingredients") for step in run.steps}
    if not made_of or not all(made_of.values()):
        return False
    return all(_equal(outline, name, value, besides=besides) for name, value in made_of.items())


def _equal(outline: Outline, name: str, value: Any, *, besides: Mapping[str, Any]) -> bool:
    stage = outline.stage(name)
    recorded = replace(Ingredients.from_json(value), **besides)
    return stage is not None and replace(stage.ingredients, **besides).key() == recorded.key()


def _is_at(run: Run, commit: str) -> bool:
    git = run.environment.get("git") or {}
    return git.get("commit") == commit and not git.get("dirty")


def metrics_of(base: Run | None, head: Run | None, store: Store) -> tuple[MetricChange, ...]:
    """Compare the metrics of evaluations; other numbers that stages noted come after, where they differ."""
    if head is None:
        return ()
    old, new = (list(_evaluations(run, store)) if run else [] for run in (base, head))
    before = dict(old[0]["metrics"]) if old else {}
    found = [
        _change(part, name, before.get(part, {}).get(name), measured, better=facts.get("better", {}).get(name, ""))
        for facts in new[:1]
        for part in _PARTS
        for name, measured in facts["metrics"].get(part, {}).items()
    ]
    told = {f"{item.part}.{item.name}" for item in found}
    return (*found, *_others(base, head, told))


def _evaluations(run: Run, store: Store) -> Iterator[Mapping[str, Any]]:
    yield from (facts for _, facts in documents(run, store, "evaluation", "evaluation.json"))


def documents(run: Run, store: Store, kind: str, name: str) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Read a JSON file of each artifact of a format that a run made or reused, with the step."""
    for step in run.steps:
        for made in (step.get("outputs") or {}).values():
            if made.get("format") == kind and (found := _read(store.path(made["digest"]) / name)) is not None:
                yield step, found


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _change(part: str, name: str, was: Any, now: Mapping[str, Any], *, better: str) -> MetricChange:
    old, new = (None if found is None else found.get("value") for found in (was, now))
    before, after = _interval(was), _interval(now)
    return MetricChange(part, name, old, new, before, after, _verdict(old, new, (before, after), better=better))


def _interval(measured: Mapping[str, Any] | None) -> tuple[float, float] | None:
    if measured is None or measured.get("low") is None or measured.get("high") is None:
        return None
    return measured["low"], measured["high"]


def _verdict(was: Any, now: Any, intervals: Sequence[tuple[float, float] | None], *, better: str) -> str:
    """Judge a change by its intervals: when they overlap, chance may be all of it."""
    if now is None or was is None:
        return "new" if was is None and now is not None else ""
    if was == now:
        return "same"
    old, new = intervals
    if old is None or new is None or better not in ("higher", "lower"):
        return ""
    if old[0] <= new[1] and new[0] <= old[1]:
        return "within noise"
    return "better" if (now > was) == (better == "higher") else "worse"


def _others(base: Run | None, head: Run, told: set[str]) -> Iterator[MetricChange]:
    old = base.metrics if base else {}
    for name, now in head.metrics.items():
        stage, _, rest = name.partition(".")
        was = old.get(name)
        if rest not in told and base is not None and was != now and _is_number(now):
            yield MetricChange(stage, rest, was if _is_number(was) else None, now)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def gates_of(head: Run | None, store: Store) -> tuple[GateResult, ...]:
    """Read what the gates of a run found."""
    verdicts = [facts for _, facts in documents(head, store, "verdict", "verdict.json")] if head else []
    return tuple(
        GateResult(str(gate["name"]), str(gate["mode"]), bool(gate["passed"]), str(gate["sentence"]))
        for verdict in verdicts
        for gate in verdict["gates"]
    )
