"""Carries a rollout on: the next step when its time has come, back when the new version does worse."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

from mlops.errors import MlopsError
from mlops.services.audit import AuditLog
from mlops_serve.comparing import Seen, verdict
from mlops_serve.declaration import Declaration, Rollout
from mlops_serve.home import Home
from mlops_serve.settings import seconds
from mlops_serve.watching import Watch

__all__ = ["Roller", "begin"]

_LOOK_S = 0.5
_REST_S = 30.0
_LOG = logging.getLogger("mlops.serve")


def begin(declaration: Declaration, *, at: float) -> Declaration:
    """Give the version that is tried its first share; the declaration holds it with none."""
    rollout, tried = declaration.rollout, declaration.tried
    if rollout is None or tried is None:
        raise ValueError("there is no rollout")
    rollout = replace(rollout, step=0, began=at)
    if rollout.kind == "shadow":
        why = f"version {tried.version} looks on for {rollout.terms['duration']}"
        return declaration.changed(why, rollout=rollout, phase="rolling")
    return _stepped(declaration, rollout)


def _stepped(declaration: Declaration, rollout: Rollout) -> Declaration:
    """Come to the step that the rollout names."""
    tried = declaration.tried
    if tried is None:
        raise ValueError("there is no rollout")
    steps = rollout.terms["steps"]
    share = steps[rollout.step]
    if share >= 1.0:
        return declaration.given_all(tried, f"version {tried.version} has taken all requests")
    why = f"version {tried.version} takes {share:.0%} (step {rollout.step + 1} of {len(steps)})"
    return declaration.shared(share, why, rollout)


class Roller:
    """Looks at the rollout of one deployment now and then; made anew, it goes on from what is declared."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._next = 0.0
        self._watched: tuple[int, Watch] | None = None

    def look(self, declaration: Declaration) -> None:
        """Do what is due; whatever goes wrong with a rollout, serving goes on."""
        if declaration.rollout is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _LOOK_S
        try:
            changed = self._due(declaration, declaration.rollout)
            if changed is not None:
                self._declare(changed, before=declaration.revision)
        except Exception:  # noqa: BLE001 - of a rollout, and people are being served
            _LOG.exception("the rollout cannot go on; the next try is in %.0f s", _REST_S)
            self._next = time.monotonic() + _REST_S

    def _due(self, declaration: Declaration, rollout: Rollout) -> Declaration | None:
        tried, leading = declaration.tried, declaration.leading
        if tried is None or leading is None:
            return None
        seen = self._watch(declaration.revision, rollout).look()
        new, old = seen.get(tried.version, Seen()), seen.get(leading.version, Seen())
        least = int(rollout.terms["min_requests"])
        if why := verdict(new, old, rollout.terms["abort"], least=least):
            said = f"version {tried.version} went back: {why}"
            return replace(declaration.given_all(leading, said, phase="aborted"), led=declaration.led)
        length = rollout.terms["duration"] if rollout.kind == "shadow" else rollout.terms["bake"]
        if time.time() - rollout.began < seconds(length) or new.count < least:
            return None
        return _next(declaration, rollout, new)

    def _watch(self, revision: int, rollout: Rollout) -> Watch:
        if self._watched is None or self._watched[0] != revision:
            self._watched = (revision, Watch(self._home, rollout.began))
        return self._watched[1]

    def _declare(self, changed: Declaration, *, before: int) -> None:
        lock = self._home.try_changing()
        if lock is None:
            return
        with lock:
            current = self._home.read()
            if current is None or current.revision != before:
                return  # somebody was quicker; the next look sees it
            self._write_down(changed)
            self._home.write(changed)
        _LOG.info("%s", changed.note)

    def _write_down(self, changed: Declaration) -> None:
        """Write the deed before it takes effect; a log that cannot be written does not keep a bad version serving."""
        facts: dict[str, Any] = {"why": changed.note, "phase": changed.phase, "revision": changed.revision}
        try:
            AuditLog(self._home.state).write("rollout", f"deployment/{changed.name}", facts)
        except MlopsError:
            _LOG.exception("the audit log cannot be written")


def _next(declaration: Declaration, rollout: Rollout, new: Seen) -> Declaration:
    tried, leading = declaration.tried, declaration.leading
    if tried is None or leading is None:
        raise ValueError("there is no rollout")
    if rollout.kind == "canary":
        return _stepped(declaration, replace(rollout, step=rollout.step + 1, began=time.time()))
    if rollout.terms["then"] == "promote":
        return declaration.given_all(tried, f"version {tried.version} has taken all requests after looking on")
    why = f"version {tried.version} looked on at {new.count:,} predictions; nothing speaks against it"
    return replace(declaration.given_all(leading, why), led=declaration.led)
