"""Have DVC do something, in a process of its own: its imports, logging and threads stay there."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlops.durable import locked, make_folder
from mlops.errors import MissingExtra, ProjectError, StoreError
from mlops.stage import Place

__all__ = ["ask", "environment"]

_PATIENCE_S = 10.0
"""Time for DVC to let go of its locks after Ctrl-C."""


def ask(verb: str, place: Place, **words: Any) -> Mapping[str, Any]:
    """Have the worker carry out one verb; two such commands of one project wait for each other.

    Raises:
        MissingExtra: DVC is not installed.
        ProjectError: DVC refused, with its reason and a fix.
        StoreError: its process died.
    """
    if importlib.util.find_spec("dvc") is None:
        raise MissingExtra("dvc", extra="dvc")
    home = place.state / "dvc"
    make_folder(home)
    spec = {"verb": verb, "root": str(place.root.resolve()), "state": str(home.resolve()), **words}
    with locked(home / "lock", on_wait=_say_waiting):
        answer = _answer(spec, home)
    if "error" in answer:
        raise ProjectError(**answer["error"])
    return answer


def environment(home: Path) -> dict[str, str]:
    """Give the variables that keep DVC quiet and within the project."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(home.resolve() / "site"),
    }


def _say_waiting() -> None:
    sys.stderr.write("waiting for another mlops data command of this project\n")


def _answer(spec: Mapping[str, Any], home: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "mlops_dvc.worker"]
    child = subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(home), cwd=spec["root"]
    )
    try:
        said, _ = child.communicate(json.dumps(spec).encode())
    except BaseException:
        with suppress(subprocess.TimeoutExpired):
            child.wait(_PATIENCE_S)
        child.kill()
        child.communicate()
        raise
    try:
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
    except (ValueError, IndexError) as exc:
        raise StoreError(
            f"DVC's process ended with code {child.returncode} before it was done",
            where=str(spec["root"]),
            fix="run the command again; what was already moved is not moved twice",
        ) from exc
    return found
