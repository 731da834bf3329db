"""Start the supervisor of a local deployment, and wait until what is declared is served."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from mlops.errors import ProjectError
from mlops.services.target import Deployed
from mlops.stage import Place
from mlops_serve.declaration import Declaration
from mlops_serve.home import Home
from mlops_serve.reporting import declared, status

__all__ = ["await_applied", "resume", "start"]

_PATIENCE_S = 60.0
_BIRTH_S = 10.0
_LOOK_S = 0.02


def resume(name: str, place: Place) -> Deployed:
    """Start a deployment as it was declared, with the key that it had."""
    home, declaration = declared(name, place)
    if not home.is_running():
        with home.changing():
            declaration = home.read() or declaration
            if declaration.phase == "stopped":
                declaration = declaration.changed("started again", phase="steady")
                home.write(declaration)
            start(home, declaration)
    return status(name, place)


def start(home: Home, declaration: Declaration) -> None:
    """Start a supervisor for what was just declared, and wait until it serves that.

    Raises:
        ProjectError: it does not come to that; its words are repeated.
    """
    home.tell({})
    with home.log.open("ab") as log:
        subprocess.run(  # noqa: S603 - our own module; it forks, and this returns at once
            [sys.executable, "-P", "-m", "mlops_serve.supervise", str(home.state.resolve()), home.name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            check=True,
            start_new_session=True,
        )
    await_applied(home, declaration.revision)


def await_applied(home: Home, revision: int) -> None:
    """Wait until all workers serve a revision.

    Raises:
        ProjectError: one of them refuses it, the supervisor ends, or it takes too long.
    """
    began = time.monotonic()
    while (waited := time.monotonic() - began) < _PATIENCE_S:
        facts = home.facts()
        if facts.get("failed"):
            raise ProjectError(facts["failed"], where=facts.get("where", ""), fix=facts.get("fix", ""))
        refused: dict[str, Any] = facts.get("refused") or {}
        if refused.get("refused", -1) >= revision:
            raise ProjectError(f"a worker refuses the version: {refused['why']}", where=str(home.log))
        if facts.get("ready") and facts.get("applied", -1) >= revision:
            return
        if waited > _BIRTH_S and not home.is_running():
            raise ProjectError(f"the supervisor has ended:\n{home.tail()}", where=str(home.log))
        time.sleep(_LOOK_S)
    raise ProjectError(f"the version is not served after {_PATIENCE_S:.0f} s:\n{home.tail()}", where=str(home.log))
