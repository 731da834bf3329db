"""The part of a round that changes things: collect, run the recipe, judge what came of it; may be killed anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlops.errors import MlopsError, ProjectError
from mlops.execution import execute_recipe
from mlops.formats.deployment import Deployment
from mlops.formats.verdict import Verdict
from mlops.outcome import Finished
from mlops.plan import Selection
from mlops.plan.wiring import ports
from mlops.retraining.collecting import Wanted, collect
from mlops.retraining.journal import Journal, Pending
from mlops.retraining.round import Outcome, Retrained
from mlops.services.audit import AuditLog
from mlops.services.monitor import Watched
from mlops.services.policy import Decision
from mlops.services.traffic import Traffic
from mlops.watching import Loop

__all__ = ["attempt"]

_MOST = 3
"""How often a retraining is taken up again after it was killed: what kills it may be the retraining itself."""


def attempt(loop: Loop, found: Watched, decision: Decision, *, journal: Journal, as_json: bool) -> Retrained:
    """Carry out the retraining that the journal says has begun."""
    made = Retrained(decision, "failed", added=_pending(journal).added or 0)
    if _pending(journal).attempts >= _MOST:
        note = f"it was killed {_MOST} times and is given up; mlops runs shows how far it came"
        return _ended(loop, journal, replace(made, note=note))
    if note := _taken_back(loop, _pending(journal)):
        return _ended(loop, journal, replace(made, outcome="aborted", note=note))
    journal = journal.with_(pending=replace(_pending(journal), attempts=_pending(journal).attempts + 1))
    try:
        journal = _collected(loop, found, journal)
        finished = execute_recipe(loop.work, loop.recipe.overrides, Selection(), as_json=as_json)
    except MlopsError as exc:
        return _ended(loop, journal, replace(made, note=exc.what))
    if finished.report.status == "interrupted":
        journal.with_(pending=replace(_pending(journal), attempts=_pending(journal).attempts - 1))
        return replace(made, outcome="interrupted", run=finished.run, note="the next round goes on with it")
    return _ended(loop, journal, _judged(loop, finished, decision, _pending(journal)))


def _pending(journal: Journal) -> Pending:
    assert journal.pending is not None  # noqa: S101 - written by the round before it comes here
    return journal.pending


def _taken_back(loop: Loop, pending: Pending) -> str:
    """Say that the release which a killed round had made was taken back since; it is not made again."""
    deeds = AuditLog(loop.place.state).read(f"deployment/{loop.deployment}")
    after = [deed for deed in deeds if deed.number > pending.deed]
    made = [deed.number for deed in after if deed.action == "deploy" and deed.facts.get("version", 0) > pending.newest]
    if not made:
        return ""
    now = loop.target.status(loop.deployment, loop.place)
    if now.phase == "aborted":
        return now.note or "the rollout was aborted"
    by_hand = any(deed.action == "rollback" and deed.number > made[0] for deed in after)
    return "what it had released was rolled back by hand" if by_hand else ""


def _collected(loop: Loop, found: Watched, journal: Journal) -> Journal:
    """Collect once for each retraining, so that one that is taken up again trains on the same rows."""
    pending = _pending(journal)
    folder = loop.policy.collect
    if pending.added is not None:
        return journal
    if folder is None:
        return journal.with_(pending=replace(pending, added=0))
    done = collect(
        Traffic.of(loop.deployment, loop.place),
        loop.place.root / folder,
        notes=loop.place.state / "retraining" / loop.deployment / "collected",
        wanted=Wanted.of(_target(loop), found, loop.policy),
    )
    return journal.with_(pending=replace(pending, added=done.added, held=done.held))


def _target(loop: Loop) -> str:
    section = loop.recipe.values.get("data")
    named = section.get("target") if isinstance(section, Mapping) else None
    if not named:
        raise ProjectError("the recipe names no target to write labels into", where="data.target", fix="name it")
    return str(named)


def _judged(loop: Loop, finished: Finished, decision: Decision, pending: Pending) -> Retrained:
    made = Retrained(decision, "failed", finished.run, added=pending.added or 0, held=pending.held)
    report = finished.report
    if report.status != "done":
        outcome = _failure(loop, report.failed)
        return replace(made, outcome=outcome, note=report.error.partition("\n")[0])
    newest = max((item.version for item in loop.registry.versions(loop.model, loop.place)), default=0)
    if newest == pending.newest:
        return replace(made, outcome="unchanged", note=_with_rows(made, "the same model came of it"))
    return replace(made, outcome="released", version=newest, note=_with_rows(made, f"version {newest}"))


def _with_rows(made: Retrained, note: str) -> str:
    added = f"; {made.added:,} rows were collected" if made.added else ""
    return note + added + (f", {made.held:,} were held back" if made.held else "")


def _failure(loop: Loop, stage: str) -> Outcome:
    """Tell a model that is not good enough from one that could not be made."""
    section = next((item for item in loop.recipe.sections if item.name == stage), None)
    formats = ports(type(section.stage)).outputs.values() if section else ()
    if Verdict in formats:
        return "refused"
    phase = loop.target.status(loop.deployment, loop.place).phase
    return "aborted" if Deployment in formats and phase == "aborted" else "failed"


def _ended(loop: Loop, journal: Journal, done: Retrained) -> Retrained:
    """Write down what came of it. Windows that a failed retraining has seen still count afterwards."""
    AuditLog(loop.place.state).write("retrained", f"deployment/{loop.deployment}", done.to_json())
    seen: Journal | Pending = journal if done.outcome == "failed" else _pending(journal)
    last = {"outcome": done.outcome, "run": done.run}
    journal.with_(pending=None, seen_until=seen.seen_until, seen_rows=seen.seen_rows, last=last)
    return done
