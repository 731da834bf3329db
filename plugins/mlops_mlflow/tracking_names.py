"""Names and values as MLflow takes them."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping

from mlops.services.tracker import TrackedRun

__all__ = ["RUN_TAG", "SWEEP_TAG", "allowed", "tags_of"]

RUN_TAG = "mlops.run"
"""Tag by which a run is found again."""

SWEEP_TAG = "mlops.sweep"

_REFUSED = re.compile(r"[^\w/\-. :]", re.ASCII)
_LONGEST_NAME = 250
_LONGEST_TAG = 5000

_OWN = {
    "git.commit": "mlflow.source.git.commit",
    "git.branch": "mlflow.source.git.branch",
    "description": "mlflow.note.content",
}
"""What MLflow has a place for."""


def allowed(name: str) -> str:
    """Turn the name of a metric or parameter into one that MLflow takes; two names stay two."""
    made = _REFUSED.sub("_", name)
    if posixpath.normpath(made) != made or made.startswith(("/", "..")) or made == ".":
        made = made.replace("/", "_").replace("..", "__").strip(".") or "_"
    if made == name and len(name) <= _LONGEST_NAME:
        return name
    mark = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{made[: _LONGEST_NAME - len(mark) - 1]}-{mark}"


def tags_of(run: TrackedRun) -> Mapping[str, str]:
    """Give every tag of a run."""
    found = {_OWN.get(name, f"mlops.{name}"): text[:_LONGEST_TAG] for name, text in run.tags.items()}
    return {**found, RUN_TAG: run.id, "mlflow.source.name": f"mlops run recipe={run.recipe}"}
