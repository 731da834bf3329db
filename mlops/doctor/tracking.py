"""Whether the experiment tracker can be reached."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from mlops.doctor.finding import Finding, ok, warn
from mlops.project import Project

__all__ = ["examine_tracker"]

_TOPIC = "tracker"
_VARIABLE = "MLFLOW_TRACKING_URI"
_PATIENCE_S = 3.0
_PORTS = {"http": 80, "https": 443}


def examine_tracker(project: Project) -> Iterator[Finding]:
    """Look whether what the environment names as tracker answers; a local one needs nothing."""
    address = os.environ.get(_VARIABLE, "")
    if not address.startswith(("http://", "https://")):
        yield ok(_TOPIC, "no server is named: runs are tracked in this project", where=str(project.state))
        return
    parts = urlsplit(address)
    shown = f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"
    try:
        with socket.create_connection((parts.hostname or "", parts.port or _PORTS[parts.scheme]), timeout=_PATIENCE_S):
            pass
    except OSError as exc:
        fix = f"start the server, correct {_VARIABLE}, or unset it; runs go on and are sent later: mlops runs sync"
        yield warn(_TOPIC, f"the tracker does not answer: {exc.strerror or exc}", where=shown, fix=fix)
        return
    yield ok(_TOPIC, "the tracker answers", where=shown)
