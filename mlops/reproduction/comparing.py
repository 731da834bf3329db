"""What a run made beside what its replay made: digests, metrics, and the first thing that differs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mlops.outcome import Report
from mlops.reproduction.circumstances import made
from mlops.reproduction.inside import first_difference
from mlops.reproduction.model import Compared
from mlops.run_reading import Run
from mlops.store import OutputRef, Store
from mlops.tracking import StepResult

__all__ = ["compare"]

_MISSING = "none"


def compare(run: Run, report: Report, *, original: Store, fresh: Store) -> tuple[Compared, ...]:
    """Compare every output and metric of the stages that were replayed.

    Args:
        run: as recorded.
        report: of the replay.
        original: the store that holds the run's artifacts, as far as they were kept.
        fresh: the replay's.
    """
    results = {result.stage: result for result in report.steps if result.action in ("run", "reuse")}
    found: list[Compared] = []
    for step in made(run):
        result = results.get(str(step["stage"]))
        if result is not None:
            found += _outputs(step, result, original, fresh=fresh)
            found += _metrics(step, result)
    return tuple(found)


def _outputs(step: Mapping[str, Any], result: StepResult, original: Store, *, fresh: Store) -> Iterator[Compared]:
    now: dict[str, OutputRef] = {ref.name: ref for ref in result.outputs}
    for name, was in step["outputs"].items():
        new = now[name].digest if name in now else _MISSING
        old = str(was["digest"])
        difference = ""
        if old != new:
            difference = first_difference(original.path(old), fresh.path(new)) if name in now else "it was not made"
        yield Compared(result.stage, "output", name, old == new, old, new, difference)


def _metrics(step: Mapping[str, Any], result: StepResult) -> Iterator[Compared]:
    was: Mapping[str, Any] = step.get("metrics") or {}
    for name in sorted({*was, *result.metrics}):
        old, new = was.get(name), result.metrics.get(name)
        equal = old is not None and new is not None and _same(old, new)
        yield Compared(result.stage, "metric", name, equal, _said(old), _said(new), "" if equal else _delta(old, new))


def _same(old: Any, new: float) -> bool:
    """A record holds numbers that JSON lacks as text."""
    value = float(old)
    return value == new or (math.isnan(value) and math.isnan(new))


def _said(value: Any) -> str:
    return _MISSING if value is None else repr(float(value))


def _delta(old: Any, new: Any) -> str:
    if old is None or new is None:
        return "only the replay measured it" if old is None else "only the run measured it"
    return f"{float(new) - float(old):+.3g}"
