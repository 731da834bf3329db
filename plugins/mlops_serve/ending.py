"""Give requests back to the version before, and end a deployment."""

from __future__ import annotations

import time

from mlops.errors import ProjectError
from mlops.services.target import Deployed
from mlops.stage import Place
from mlops_serve.declaration import Declaration
from mlops_serve.home import Home
from mlops_serve.reporting import declared, status
from mlops_serve.settings import Settings
from mlops_serve.starting import await_applied

__all__ = ["end", "rollback", "stop"]

_LOOK_S = 0.02
_MARGIN_S = 10.0


def rollback(name: str, place: Place, *, why: str) -> Deployed:
    """End a rollout, or give all requests back to the version that led before."""
    declared(name, place)
    home = Home.of(name, place)
    with home.changing():
        _, declaration = declared(name, place)
        changed = _back(declaration, why)
        home.write(changed)
    if home.is_running():
        try:
            await_applied(home, changed.revision)
        except ProjectError:
            with home.changing():
                home.write(_restored(home.read() or changed, declaration))
            raise
    return status(name, place)


def _back(declaration: Declaration, why: str) -> Declaration:
    leading = declaration.leading
    reason = f": {why}" if why else ""
    if declaration.rollout is not None and leading is not None:
        said = f"the rollout was ended by hand, version {leading.version} answers all{reason}"
        return declaration.given_all(leading, said, phase="aborted")
    if not declaration.led:
        raise ProjectError(
            f"the deployment {declaration.name!r} has no version to go back to: none led before",
            fix="deploy the version that is wanted: mlops deploy model=NAME@VERSION",
        )
    *before, target = declaration.led
    said = f"went back to version {target.version}{reason}"
    phase = "stopped" if declaration.phase == "stopped" else "aborted"
    return declaration.given_all(target, said, led=tuple(before), phase=phase)


def _restored(now: Declaration, before: Declaration) -> Declaration:
    why = "the version could not be loaded; nothing was changed"
    kept = {"served": before.served, "led": before.led, "rollout": before.rollout, "phase": before.phase}
    return now.changed(why, **kept)


def stop(name: str, place: Place) -> Deployed:
    """End a deployment, and wait for that."""
    declared(name, place)
    home = Home.of(name, place)
    with home.changing():
        _, declaration = declared(name, place)
        end(home, declaration)
    return status(name, place)


def end(home: Home, declaration: Declaration) -> None:
    """Declare a deployment stopped, and wait until its supervisor is gone; the caller holds `Home.changing`.

    Raises:
        ProjectError: it does not end.
    """
    if declaration.phase != "stopped":
        leading = declaration.leading
        if leading is None:
            raise ProjectError("the deployment has no version", where=str(home.declared))
        stopped = declaration.given_all(leading, "stopped", phase="stopped")
        home.write(stopped)
    patience = Settings.from_json(dict(declaration.settings)).drain_seconds + _MARGIN_S
    began = time.monotonic()
    while home.is_running():
        if time.monotonic() - began > patience:
            pid = home.facts().get("pid", "PID")
            raise ProjectError("the supervisor does not end", where=str(home.log), fix=f"end it: kill -9 {pid}")
        time.sleep(_LOOK_S)
