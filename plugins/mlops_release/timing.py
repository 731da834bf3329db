"""The work of the latency gate: rows scored one by one, with a clock."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops.formats.scorer import Scorer
from mlops.services.gate import Evidence, Finding

if TYPE_CHECKING:
    from mlops_release.latency import Latency

__all__ = ["judge_latency"]

_PERCENTILES = (50, 99)


def judge_latency(gate: Latency, evidence: Evidence) -> Finding:
    """Measure and judge; the times themselves are metrics and an aside."""
    scorer = Scorer(evidence.bundle.graph, evidence.bundle.signature, threads=1)
    rows = _rows(gate, evidence, scorer.columns)
    rounds = np.array([_round(scorer, rows) for _ in range(gate.rounds)])
    best = dict(zip(_PERCENTILES, rounds.min(axis=0).tolist(), strict=True))
    bounds = {50: gate.p50, 99: gate.p99}
    asked = {share: bound for share, bound in bounds.items() if bound is not None}
    passed = all(best[share] <= bound for share, bound in asked.items())
    words = " and ".join(f"{share} % of them within {bound:g} ms" for share, bound in asked.items())
    return Finding(
        passed,
        f"single rows {'are' if passed else 'are not'} answered as asked: {words}",
        bound=next(iter(asked.values())),
        aside="measured " + ", ".join(f"p{share} {value:.3g} ms" for share, value in best.items()),
        metrics={f"p{share}_ms": value for share, value in best.items()},
        fix="take a smaller model, or give the bound more room; a busy machine is slow, too",
    )


def _rows(gate: Latency, evidence: Evidence, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Evenly spaced test rows that the bundle does not refuse; the signature's example where there is none."""
    good = evidence.rows.filter(~evidence.predictions["refused"])
    places = np.unique(np.linspace(0, good.height - 1, min(gate.rows, good.height)).astype(int)).tolist()
    rows = good.select(columns)[places].to_dicts() if places else [evidence.bundle.signature["example"]]
    return [rows[place % len(rows)] for place in range(gate.rows)]


def _round(scorer: Scorer, rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Milliseconds of the percentiles."""
    scorer.score_row(rows[0])
    taken = []
    for row in rows:
        start = time.perf_counter()
        scorer.score_row(row)
        taken.append(time.perf_counter() - start)
    found: list[float] = (np.percentile(taken, _PERCENTILES) * 1_000).tolist()
    return found
