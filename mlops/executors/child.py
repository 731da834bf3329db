"""The process of a stage that runs in one of its own; see `mlops.services.process`.

Its arguments are the descriptor to which it writes lines of JSON, and its parent's process ID.
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
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError, StageError
from mlops.formats.artifact import Artifact
from mlops.services.executor import Call, collect
from mlops.stage import Context, Gpu, Machine, Part, Place, Resources, Stage

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1


class _Pipe(logging.Handler):
    """Sends what a stage says to the parent."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)
        self._writing = threading.Lock()

    def send(self, *message: Any) -> None:
        line = json.dumps(message, default=str) + "\n"
        with self._writing:
            self._file.write(line)

    def emit(self, record: logging.LogRecord) -> None:
        self.send("log", record.levelno, record.getMessage())


def _die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process with its parent, which may have ended before it was asked."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


@contextlib.contextmanager
def _reported(pipe: _Pipe) -> Iterator[None]:
    try:
        yield
    except Exception as exc:  # noqa: BLE001 - everything is the parent's to judge
        pipe.send("log", logging.DEBUG, traceback.format_exc())
        if isinstance(exc, MlopsError):
            pipe.send("error", exc.what, exc.where, exc.fix)
        else:
            frames = traceback.extract_tb(exc.__traceback__)
            where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
            pipe.send("error", f"{type(exc).__name__}: {exc}", where, "the log holds the traceback")


def _build(data: Mapping[str, Any], pipe: _Pipe) -> Call:
    from mlops.plan.wiring import ports
    from mlops.plugins import Plugins

    plugins = Plugins(Path(data["plugins"]))
    kind = plugins.resolve(data["target"], Stage)
    stage = kind.model_validate(data["parameters"], context={"resolve": plugins.resolve})
    assert isinstance(stage, Stage)  # noqa: S101 - resolved as one
    inputs = {name: _handle(*where) for name, where in data["inputs"].items()}
    context = _context(data, pipe)
    return Call(stage, data["target"], data["parameters"], inputs, ports(kind).outputs, context, Path(data["plugins"]))


def _context(data: Mapping[str, Any], pipe: _Pipe) -> Context:
    log = logging.getLogger("mlops.stage")
    log.setLevel(logging.DEBUG)
    log.addHandler(pipe)
    facts = data["context"]
    return Context(
        folder=Path(facts["folder"]),
        seed=facts["seed"],
        cpus=facts["cpus"],
        gpus=facts["gpus"],
        machine=_machine(facts),
        log=log,
        find=lambda source: data["found"].get(source, []),
        on_metric=lambda *values: pipe.send("metric", *values),
        on_progress=lambda *values: pipe.send("progress", *values),
        resume=Path(facts["resume"]) if facts["resume"] else None,
        lineage=facts["lineage"],
        place=_place(facts["place"]),
        digests=facts["digests"],
        on_audit=lambda *values: pipe.send("audit", *values),
    )


def _place(facts: dict[str, str]) -> Place:
    return Place(Path(facts["root"]), Path(facts["state"]), facts["recipe"], facts["run"])


def _machine(facts: Mapping[str, Any]) -> Machine:
    """Read what the parent knows of this machine; when it runs elsewhere it does not, and one looks."""
    known = facts["machine"]
    if known is None:
        from mlops.machine import machine

        return machine(Resources(cpus=facts["cpus"], gpus=facts["gpus"]))
    gpus = tuple(Gpu(item["name"], item["memory"], tuple(item["capability"])) for item in known["gpus"])
    return Machine(known["cpus"], known["memory"], gpus)


def _handle(module: str, name: str, folder: str) -> Artifact:
    kind = getattr(importlib.import_module(module), name)
    made: Artifact = kind(Path(folder))
    return made


def _refuse_other_versions(call: Call, *, code: Mapping[str, str], libraries: Mapping[str, str]) -> None:
    """See that this machine has the libraries and the code that the stage's key speaks of.

    Raises:
        StageError: its result would not be what the key promises.
    """
    from mlops.fingerprint.libraries import versions

    here = versions(libraries)
    other = [
        f"{name} {here[name]} instead of {version}" for name, version in libraries.items() if here[name] != version
    ]
    other += [f"another {name}" for name in _other_files(call, code)]
    if other:
        raise StageError(
            f"{os.uname().nodename} has other versions than the stage's key says: {'; '.join(other)}",
            fix="install the same versions on every node",
        )


def _other_files(call: Call, code: Mapping[str, str]) -> list[str]:
    from mlops.fingerprint import CodeDigests, FileDigests

    known = call.context.place.state / "cache" / "digests.json"  # there or not: it only saves time
    digests = CodeDigests((call.plugins,), FileDigests(known))
    found: dict[str, str] = {}
    for module in sorted({type(part).__module__ for part in _parts(call.stage)}):
        found |= digests.files_of(module)
    return [name for name, digest in found.items() if code.get(name) != digest]


def _parts(value: Any) -> Iterable[Part]:
    """Walk a stage and the parts inside it."""
    if isinstance(value, Part):
        yield value
        for name in type(value).model_fields:
            yield from _parts(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _parts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item)


def main() -> None:
    """Read a call, run its stage, report."""
    _die_with_parent(int(sys.argv[2]))
    pipe = _Pipe(int(sys.argv[1]))
    data = json.loads(sys.stdin.buffer.read())
    with _reported(pipe):
        call = _build(data, pipe)
        if "expected" in data:
            _refuse_other_versions(call, **data["expected"])
        folders = {name: str(folder) for name, folder in collect(call).items()}
        pipe.send("done", folders, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
