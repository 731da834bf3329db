"""One round: settle what rolls, ask the policy, collect, run the recipe, write down what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mlops.durable import make_folder, try_lock
from mlops.retraining.attempt import attempt
from mlops.retraining.journal import Journal, Pending
from mlops.retraining.round import Retrained, Retraining
from mlops.services.audit import AuditLog
from mlops.services.monitor import Watched
from mlops.services.policy import Decision, History
from mlops.services.promotion import settle
from mlops.services.registry import ModelVersion
from mlops.services.target import Deployed
from mlops.watching import Loop

__all__ = ["retrain", "settled"]


def retrain(loop: Loop, found: Watched, how: Retraining) -> Retrained:
    """Carry out one round; only one at a time for each deployment.

    One that was cut short by a kill is taken up where it was, whatever the policy says by now.

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
    with lock:
        return _round(loop, found, how, journal=Journal.of(folder))


def settled(loop: Loop) -> Deployed:
    """Draw the consequences of a rollout that has ended by now, and tell how the deployment is."""
    deployed = loop.target.status(loop.deployment, loop.place)
    settle(loop.registry, deployed, loop.place, model=loop.model)
    return deployed


def _round(loop: Loop, found: Watched, how: Retraining, *, journal: Journal) -> Retrained:
    deployed = settled(loop)
    versions = loop.registry.versions(loop.model, loop.place)
    history = _history(deployed, versions, found, journal)
    decision = _decision(loop, history, how, journal)
    if not decision.retrain or how.dry_run:
        return Retrained(decision, "would retrain" if decision.retrain else "kept")
    if deployed.phase == "stopped" and not how.force:
        return Retrained(decision, "kept", note=f"the deployment is stopped: mlops deploy {loop.deployment} first")
    if deployed.phase == "rolling" and not how.force and not _is_ours(deployed, journal.pending):
        return Retrained(decision, "rolling", note=f"not now: {deployed.note or 'a version is being rolled out'}")
    began = journal if journal.pending else _begun(loop, decision, history, journal, versions=versions)
    return attempt(loop, found, decision, journal=began, as_json=how.as_json)


def _history(deployed: Deployed, versions: tuple[ModelVersion, ...], found: Watched, journal: Journal) -> History:
    serving = deployed.leading.version if deployed.leading else 0
    created = next((item.created for item in versions if item.version == serving), "")
    return History(
        found.windows,
        serving,
        time.time(),
        journal.began,
        journal.seen_until,
        registered=_seconds(created),
        seen_rows=journal.seen_rows,
    )


def _seconds(moment: str) -> float | None:
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:  # a registry that tells no time
        return None


def _decision(loop: Loop, history: History, how: Retraining, journal: Journal) -> Decision:
    if journal.pending is not None:
        return Decision(True, ("a retraining was cut short and goes on", *journal.pending.reasons))
    if how.force:
        return Decision(True, ("asked for",))
    return loop.policy.decide(history)


def _is_ours(deployed: Deployed, pending: Pending | None) -> bool:
    """Whether what is being rolled out is what the retraining that was cut short has made."""
    return pending is not None and max((item.version for item in deployed.served), default=0) > pending.newest


def _begun(
    loop: Loop, decision: Decision, history: History, journal: Journal, *, versions: tuple[ModelVersion, ...]
) -> Journal:
    """Write down that a retraining begins: from here on it is not lost."""
    last = history.windows[-1].start if history.windows else journal.seen_until
    rows = history.windows[-1].rows if history.windows else 0
    facts: Mapping[str, Any] = {"reasons": list(decision.reasons), "windows_until": last}
    deed = AuditLog(loop.place.state).write("retrain", f"deployment/{loop.deployment}", facts)
    newest = max((item.version for item in versions), default=0)
    pending = Pending(deed.number, decision.reasons, last, rows, newest)
    return journal.with_(began=loop.policy.moment(history), pending=pending)
