"""A call as plain data, and what its stage says as lines of JSON: how a stage is run in another process.

The process is ``python -m mlops.executors.child``. It reads the data from its standard input, so
that secrets are in no file and in no process list, and writes the lines to a pipe of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlops.errors import StageError
from mlops.services.executor import Call, Outcome

__all__ = ["CHILD", "data_of", "follow"]

CHILD = ("-m", "mlops.executors.child")
"""What Python is started with; the pipe's descriptor follows."""


def data_of(call: Call) -> dict[str, Any]:
    """Write a call as values that JSON can hold."""
    context = call.context
    return {
        "target": call.target,
        "parameters": call.parameters,
        "plugins": str(call.plugins),
        "inputs": {
            name: [type(value).__module__, type(value).__qualname__, str(value.folder)]
            for name, value in call.inputs.items()
        },
        "context": {
            "folder": str(context.folder),
            "seed": context.seed,
            "cpus": context.cpus,
            "gpus": context.gpus,
            "machine": asdict(context.machine),
            "resume": str(context.resume) if context.resume else None,
            "lineage": dict(context.lineage),
            "place": {name: str(value) for name, value in vars(context.place).items()},
            "digests": dict(context.digests),
        },
        "found": {source: context.find(source) for source in call.stage.sources()},
    }


def follow(lines: Iterable[str], call: Call) -> Outcome | None:
    """Pass on what a stage says until it is done; None when the lines end before that.

    Raises:
        StageError: the stage says that it failed.
    """
    for line in lines:
        kind, *values = json.loads(line)
        if kind == "metric":
            call.context.on_metric(*values)
        elif kind == "progress":
            call.context.on_progress(*values)
        elif kind == "audit":
            call.context.on_audit(*values)
        elif kind == "log":
            call.context.log.log(*values)
        elif kind == "error":
            raise StageError(values[0], where=values[1], fix=values[2])
        elif kind == "done":
            return Outcome({name: Path(folder) for name, folder in values[0].items()}, values[1])
    return None
