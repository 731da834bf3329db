"""Run one stage in a process of its own that can be ended, and that never outlives its parent.

The call travels over standard input, so that secrets are in no file and in no process list; what
happens comes back as JSON lines over a pipe of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from mlops.errors import StageError
from mlops.executors.executor import Call, Outcome, collect
from mlops.formats.artifact import Artifact
from mlops.stage import Context, Gpu, Machine

__all__ = ["run_in_child"]

_PR_SET_PDEATHSIG = 1


def run_in_child(call: Call) -> Outcome:
    """Run a call in a new process and end that process when its time is over.

    Raises:
        StageError: the stage failed, took too long or died.
    """
    read, write = os.pipe()
    command = [sys.executable, "-m", "mlops.executors.child", str(write)]
    with os.fdopen(read, "r", encoding="utf-8") as lines:
        child = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, pass_fds=(write,), start_new_session=True, env=_environment()
        )
        os.close(write)
        timer = threading.Timer(call.timeout or 0, _end, (child,))
        started = time.monotonic()
        if call.timeout is not None:
            timer.start()
        try:
            _hand_over(child, call)
            outcome = _follow(lines, call)
        finally:
            timer.cancel()
            _end(child)
    if outcome is not None:
        return outcome
    if call.timeout is not None and time.monotonic() - started >= call.timeout:
        raise StageError(f"took longer than its timeout of {call.timeout:g} s and was ended", fix="raise timeout:")
    raise StageError(
        f"its process ended with code {child.returncode}", fix="look for memory: the system may have ended it"
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _hand_over(child: subprocess.Popen[bytes], call: Call) -> None:
    assert child.stdin is not None  # noqa: S101 - asked for above
    with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
        pipe.write(json.dumps(_spec(call)).encode())


def _spec(call: Call) -> dict[str, Any]:
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
        },
        "found": {source: context.find(source) for source in call.stage.sources()},
    }


def _follow(lines: IO[str], call: Call) -> Outcome | None:
    """Pass on what the child says until it is done."""
    for line in lines:
        message = json.loads(line)
        kind, values = message[0], message[1:]
        if kind == "metric":
            call.context.on_metric(*values)
        elif kind == "progress":
            call.context.on_progress(*values)
        elif kind == "log":
            call.context.log.log(*values)
        elif kind == "error":
            raise StageError(values[0], where=values[1])
        elif kind == "done":
            return Outcome({name: Path(folder) for name, folder in values[0].items()}, values[1])
    return None


class _Pipe(logging.Handler):
    """Sends what a stage says to the parent."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)

    def send(self, *message: Any) -> None:
        self._file.write(json.dumps(message) + "\n")

    def emit(self, record: logging.LogRecord) -> None:
        self.send("log", record.levelno, record.getMessage())


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def _reported(pipe: _Pipe) -> Iterator[None]:
    try:
        yield
    except Exception as exc:  # noqa: BLE001 - everything is the parent's to judge
        text = str(exc) if isinstance(exc, StageError) else f"{type(exc).__name__}: {exc}"
        pipe.send("log", logging.DEBUG, traceback.format_exc())
        pipe.send("error", text, "")


def _build(spec: dict[str, Any], pipe: _Pipe) -> Call:
    from mlops.plan.wiring import ports
    from mlops.plugins import Plugins
    from mlops.stage import Stage

    plugins = Plugins(Path(spec["plugins"]))
    kind = plugins.resolve(spec["target"], Stage)
    stage = kind.model_validate(spec["parameters"], context={"resolve": plugins.resolve})
    assert isinstance(stage, Stage)  # noqa: S101 - resolved as one
    log = logging.getLogger("mlops.stage")
    log.setLevel(logging.DEBUG)
    log.addHandler(pipe)
    facts = spec["context"]
    context = Context(
        folder=Path(facts["folder"]),
        seed=facts["seed"],
        cpus=facts["cpus"],
        gpus=facts["gpus"],
        machine=_machine(facts["machine"]),
        log=log,
        find=lambda source: spec["found"].get(source, []),
        on_metric=lambda *values: pipe.send("metric", *values),
        on_progress=lambda *values: pipe.send("progress", *values),
        resume=Path(facts["resume"]) if facts["resume"] else None,
        lineage=facts["lineage"],
    )
    inputs = {name: _handle(*where) for name, where in spec["inputs"].items()}
    return Call(stage, spec["target"], spec["parameters"], inputs, ports(kind).outputs, context, Path(spec["plugins"]))


def _machine(facts: dict[str, Any]) -> Machine:
    gpus = tuple(Gpu(item["name"], item["memory"], tuple(item["capability"])) for item in facts["gpus"])
    return Machine(facts["cpus"], facts["memory"], gpus)


def _handle(module: str, name: str, folder: str) -> Artifact:
    kind = getattr(importlib.import_module(module), name)
    made: Artifact = kind(Path(folder))
    return made


def main() -> None:
    """Read a call, run its stage, report."""
    _die_with_parent()
    pipe = _Pipe(int(sys.argv[1]))
    spec = json.loads(sys.stdin.buffer.read())
    with _reported(pipe):
        call = _build(spec, pipe)
        folders = {name: str(folder) for name, folder in collect(call).items()}
        pipe.send("done", folders, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
