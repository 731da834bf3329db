"""One round: settle what rolls, ask the policy, collect, run the recipe, write down what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.durable import make_folder, try_lock, write_atomic
from mlops.errors import MlopsError, ProjectError
from mlops.execution import execute_recipe
from mlops.plan import Selection
from mlops.retraining.collecting import collect
from mlops.services.audit import AuditLog
from mlops.services.monitor import Watched
from mlops.services.policy import Decision, History
from mlops.services.promotion import settle
from mlops.services.traffic import Traffic
from mlops.watching import Loop

__all__ = ["Retrained", "Retraining", "retrain"]


@dataclass(frozen=True)
class Retraining:
    """How a round is carried out."""

    dry_run: bool = False
    """Only say what the policy says."""

    force: bool = False
    """Train whatever the policy says."""

    as_json: bool = False
    """Whether the run tells what it does on standard error, as standard output is for a machine."""


@dataclass(frozen=True)
class Retrained:
    """What came of a round."""

    decision: Decision
    outcome: str
    """kept (no reason), would retrain, busy, rolling, unchanged, released, refused, failed."""

    run: str = ""
    note: str = ""

    @property
    def sentence(self) -> str:
        """One line for a person."""
        why = "; ".join(self.decision.reasons)
        return f"retraining: {self.outcome}" + (f" (run {self.run})" if self.run else "") + f": {self.note or why}"

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        reasons = list(self.decision.reasons)
        return {"outcome": self.outcome, "run": self.run, "note": self.note, "reasons": reasons}


@dataclass
class _State:
    """What the last round left, in ``.mlops/retraining/NAME/state.json``."""

    path: Path
    values: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> _State:
        path = folder / "state.json"
        return cls(path, json.loads(path.read_bytes()) if path.exists() else {})

    def keep(self, **values: Any) -> None:
        self.values |= values
        write_atomic(self.path, json.dumps(self.values, indent=1).encode() + b"\n")


def retrain(loop: Loop, found: Watched, how: Retraining) -> Retrained:
    """Carry out one round; only one at a time for each deployment.

    Args:
        loop: the recipe with what is around it.
        found: the last look of its monitor.
        how: dry run, or forced.

    Raises:
        ProjectError: the recipe has no policy, registry or deployment.
    """
    folder = loop.place.state / "retraining" / loop.deployment
    make_folder(folder)
    lock = try_lock(folder / "lock")
    if lock is None:
        return Retrained(Decision(False, ("another retraining of this deployment is under way",)), "busy")
    try:
        return _round(loop, found, how, state=_State.of(folder))
    finally:
        lock.close()


def _round(loop: Loop, found: Watched, how: Retraining, *, state: _State) -> Retrained:
    deployed = loop.target.status(loop.deployment, loop.place)
    settle(loop.registry, deployed, loop.place)
    leading = deployed.leading
    history = History(
        found.windows,
        leading.version if leading else 0,
        time.time(),
        state.values.get("began"),
        str(state.values.get("seen_until", "")),
    )
    decision = Decision(True, ("asked for",)) if how.force else loop.policy.decide(history)
    if deployed.phase == "rolling" and decision.retrain and not how.force:
        return Retrained(decision, "rolling", note=f"not now: {deployed.note or 'a version is being rolled out'}")
    if not decision.retrain or how.dry_run:
        return Retrained(decision, "would retrain" if decision.retrain else "kept")
    return _trained(loop, decision, found, state=state, as_json=how.as_json)


def _trained(loop: Loop, decision: Decision, found: Watched, *, state: _State, as_json: bool) -> Retrained:
    audit = AuditLog(loop.place.state)
    subject = f"deployment/{loop.deployment}"
    clock = _moment(loop, found)
    last = found.windows[-1].start if found.windows else ""
    audit.write("retrain", subject, {"reasons": list(decision.reasons), "windows_until": last})
    state.keep(began=clock, seen_until=last)
    try:
        added = _collected(loop)
        finished = execute_recipe(loop.work, loop.recipe.overrides, Selection(), as_json=as_json)
    except MlopsError as exc:
        done = Retrained(decision, "failed", note=exc.what)
        audit.write("retrained", subject, done.to_json())
        return done
    done = _outcome(decision, finished.run, finished.report, added=added)
    audit.write("retrained", subject, done.to_json())
    state.keep(last_run=finished.run, outcome=done.outcome)
    return done


def _moment(loop: Loop, found: Watched) -> float:
    """Tell the time by which the policy counts: the clock's, or the data's in a replay."""
    from datetime import datetime

    if getattr(loop.policy, "clock", "now") == "data" and found.windows:
        return datetime.fromisoformat(found.windows[-1].end).timestamp()
    return time.time()


def _collected(loop: Loop) -> int:
    folder = loop.policy.collect
    if folder is None:
        return 0
    target = str(_values(loop, "data").get("target", ""))
    if not target:
        raise ProjectError("the recipe names no target to write labels into", where="data.target", fix="name it")
    notes = loop.place.state / "retraining" / loop.deployment / "collected"
    return collect(Traffic.of(loop.deployment, loop.place), loop.place.root / folder, target=target, notes=notes)


def _values(loop: Loop, section: str) -> Mapping[str, Any]:
    found = loop.recipe.values.get(section)
    return found if isinstance(found, Mapping) else {}


def _outcome(decision: Decision, run: str, report: Any, *, added: int) -> Retrained:
    if report.status == "done":
        if all(step.action == "reuse" for step in report.steps):
            return Retrained(decision, "unchanged", run, "the data is what it was, so is the model")
        return Retrained(decision, "released", run, f"{added:,} rows were collected" if added else "")
    outcome = "refused" if report.failed in _judges(report) else "failed"
    return Retrained(decision, outcome, run, report.error.partition("\n")[0])


def _judges(report: Any) -> set[str]:
    """Name the stages whose failure means that the model is not good enough."""
    return {step.stage for step in report.steps if step.stage == "gates"}
