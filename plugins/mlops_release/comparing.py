"""The work of the gate against the champion: may they be compared, and how much better is which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mlops.errors import StageError, StoreError
from mlops.services.gate import Champion, Evidence, Finding
from mlops_release.catalogue import MetricName, chosen
from mlops_release.outcomes import Outcomes, outcomes_of
from mlops_release.resampling import Draws, Gain, gain_of

if TYPE_CHECKING:
    from mlops_release.champion import BeatsChampion

__all__ = ["compare"]


class _CannotCompare(Exception):
    """Why the champion cannot be scored beside the candidate."""


def compare(gate: BeatsChampion, evidence: Evidence) -> Finding:
    """Hold the candidate against the champion."""
    champion = evidence.champion
    if champion is None:
        return Finding(True, "there is no champion yet to be held against")
    if champion.version.digest == evidence.context.digests.get("bundle"):
        return Finding(True, f"it is the champion itself, version {champion.version.version}")
    name = chosen(gate.metric, evidence.evaluation, task=evidence.bundle.signature["task"])
    try:
        pair = _scored(evidence, champion)
    except _CannotCompare as exc:
        return _incomparable(gate, champion, str(exc))
    draws = Draws(gate.resamples, gate.confidence, evidence.context.seed)
    gain = gain_of(name, *pair, draws=draws)
    if gain is None:
        return _incomparable(gate, champion, f"{name} is undefined for these rows")
    return _judged(gate, champion, gain, name=name)


def _scored(evidence: Evidence, champion: Champion) -> tuple[Outcomes, Outcomes]:
    """Score the same rows with both."""
    if problem := _difference(evidence, champion):
        raise _CannotCompare(problem)
    try:
        theirs = evidence.predict(champion.bundle)
    except (StageError, StoreError) as exc:
        raise _CannotCompare(exc.what) from exc
    pair = _paired(evidence, theirs, champion)
    if not pair[0].rows:
        raise _CannotCompare("there is no test row that both accept")
    return pair


def _difference(evidence: Evidence, champion: Champion) -> str:
    """Say why the two predict different things; empty when they predict the same."""
    mine, other = evidence.bundle.signature, champion.bundle.signature
    for key, word in (("task", "task"), ("target", "target")):
        if mine[key] != other[key]:
            return f"its {word} is {other[key]!r}, this one's is {mine[key]!r}"
    if set(mine["classes"]) != set(other["classes"]):
        return f"its classes are {_listed(other['classes'])}, this one's are {_listed(mine['classes'])}"
    wanted = [str(item["name"]) for item in other["inputs"]]
    if gone := [name for name in wanted if name not in evidence.rows.columns]:
        return f"it needs {_listed(gone)}, which the test rows do not have"
    return ""


def _listed(values: list[Any], *, most: int = 6) -> str:
    words = [str(value) for value in values[:most]]
    return ", ".join(words) + (f" and {len(values) - most} more" if len(values) > most else "")


def _incomparable(gate: BeatsChampion, champion: Champion, why: str) -> Finding:
    version = champion.version
    return Finding(
        gate.incomparable == "pass",
        f"it cannot be held against version {version.version} of {version.model}: {why}",
        fix="set `incomparable: pass` in this gate for one run, or let another version be the champion:"
        f" mlops models promote {version.model} VERSION --why …",
    )


def _paired(evidence: Evidence, theirs: pl.DataFrame, champion: Champion) -> tuple[Outcomes, Outcomes]:
    """Keep the rows that both accept, and put both predictions beside what happened."""
    kept = ~(evidence.predictions["refused"] | theirs["refused"]).to_numpy()
    if left := int(np.count_nonzero(~kept)):
        evidence.context.log.warning("%s test rows are refused by one of the two and left out", f"{left:,}")
    threshold = champion.version.facts.get("threshold")
    own = outcomes_of(evidence, evidence.predictions)
    other = outcomes_of(evidence, theirs, threshold=float(threshold) if threshold else None)
    return own.only(kept), other.only(kept)


def _judged(gate: BeatsChampion, champion: Champion, gain: Gain, *, name: MetricName) -> Finding:
    margin = gate.margin * (abs(gain.other) if gate.unit == "share" else 1.0)
    bound = margin if gate.require == "better" else -margin
    passed = gain.low > bound if gate.require == "better" else gain.low >= bound
    asked = f"better by more than {margin:.3g}" if gate.require == "better" else f"not worse by more than {margin:.3g}"
    direction = "better" if gain.value >= 0 else "worse"
    sentence = (
        f"{name} {gain.mine:.4g} against {gain.other:.4g} of version {champion.version.version}:"
        f" {direction} by {abs(gain.value):.3g} [{gain.low:+.3g}, {gain.high:+.3g}], asked is {asked}"
    )
    return Finding(passed, sentence, value=gain.low, bound=bound, fix=_fix(gate, gain))


def _fix(gate: BeatsChampion, gain: Gain) -> str:
    if gain.value >= 0:
        return "the test rows may be too few to be sure: take more, or ask for less with `require` and `margin`"
    return f"improve the model; to let it pass on purpose, ask for less with `margin` (now {gate.margin:g})"
