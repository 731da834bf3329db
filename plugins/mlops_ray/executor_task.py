"""What a node does for a stage: unpack its inputs, run it in a process, say what it says, send what it made."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mlops.durable import locked, make_folder, remove_tree, try_lock
from mlops.errors import StageError
from mlops.services.process import Child
from mlops_ray.executor_parcel import Parcel, cached, files_below, pieces

__all__ = ["Job", "Message", "carry_out", "home_of", "versions"]

Message = tuple[str, Any]
"""``says``: lines of the stage · ``file``: name of the next file it made · ``piece``: bytes of that file."""

_PROGRESS_SECONDS = 0.25
"""Progress travels no more often than this."""

_BATCH_SECONDS = 0.05


@dataclass(frozen=True)
class Job:
    """One stage to run on some node."""

    data: Mapping[str, Any]
    """The call as plain data (see `mlops.services.calls`)."""

    versions: Mapping[str, str]
    """Of Python and mlops where the run was started; a node must have the same."""

    timeout: float | None = None
    shared: bool = True
    """Whether the node sees the project's own folders; else what follows is sent."""

    cache: str | None = None
    inputs: Mapping[str, Parcel] = field(default_factory=dict)
    plugins: Parcel | None = None


def versions() -> dict[str, str]:
    """Say what must be the same on every node before anything else can be compared."""
    from mlops import __version__

    return {"Python": ".".join(map(str, sys.version_info[:2])), "mlops": __version__}


def home_of(cache: str | None) -> Path:
    """Give this node's folder for what is sent to it."""
    home = Path(cache or f"/tmp/mlops-ray-{os.getuid()}/nodes")  # noqa: S108 - checked below to be ours alone
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if home.stat().st_uid != os.getuid() or home.parent.stat().st_uid not in (0, os.getuid()):
        raise StageError(f"{home} belongs to somebody else", fix="set executor.cache to a folder of your own")
    return home


def carry_out(job: Job) -> Iterator[Message]:
    """Run a stage on this node, as a task of Ray whose results are messages.

    Raises:
        StageError: this node cannot run it; what the stage itself raises is among the lines.
    """
    _refuse_other(job.versions)
    if job.shared:
        yield from _said(job, job.data)
        return
    with _work_folder(job) as work:
        for kind, value in _said(job, _moved(job, work)):
            yield from _sent(value, work) if kind == "says" else [(kind, value)]


def _refuse_other(wanted: Mapping[str, str]) -> None:
    here = versions()
    other = [f"{name} {here[name]} instead of {version}" for name, version in wanted.items() if here[name] != version]
    if other:
        raise StageError(
            f"the node {os.uname().nodename} has {', '.join(other)}", fix="install the same versions on every node"
        )


@contextmanager
def _work_folder(job: Job) -> Iterator[Path]:
    """Make a folder for one stage, beside a lock that shows that its task lives; remove what dead tasks left."""
    home = home_of(job.cache) / "work"
    make_folder(home)
    for other in home.glob("*.lock"):
        _remove_dead(other)
    work = home / os.urandom(8).hex()
    with locked(work.with_suffix(".lock")):
        work.mkdir()
        try:
            yield work
        finally:
            remove_tree(work)
            work.with_suffix(".lock").unlink(missing_ok=True)


def _remove_dead(path: Path) -> None:
    lock = try_lock(path)
    if lock is not None:
        with lock:
            remove_tree(path.with_suffix(""))
            path.unlink(missing_ok=True)


def _moved(job: Job, work: Path) -> dict[str, Any]:
    """Rewrite a call so that it happens on this node."""
    import ray

    home = home_of(job.cache)
    inputs = {
        name: [*job.data["inputs"][name][:2], str(cached(parcel, home / "artifacts", ray.get))]
        for name, parcel in job.inputs.items()
    }
    plugins = Path(job.data["plugins"])
    if job.plugins is not None:
        plugins = cached(job.plugins, home / "plugins", ray.get) / plugins.name
    context = {**job.data["context"], "folder": str(work), "resume": None, "machine": None}
    if resume := job.data["context"]["resume"]:
        make_folder(home / "checkpoints")
        context["resume"] = str(home / "checkpoints" / Path(resume).name)
    return {**job.data, "inputs": inputs, "plugins": str(plugins), "context": context}


def _said(job: Job, data: Mapping[str, Any]) -> Iterator[Message]:
    """Run the stage in a process of its own; its lines in batches."""
    sent = data["plugins"] != job.data["plugins"]  # Ray lets tasks import from where the run was started
    hidden = job.data["plugins"] if sent else ""
    with Child(threads=data["context"]["cpus"], timeout=job.timeout, hidden=hidden) as child:
        child.begin(dict(data))
        yield from (("says", batch) for batch in _batches(child.lines))
    error = child.why_silent()
    yield "says", [json.dumps(["error", error.what, error.where, error.fix])]


def _batches(lines: IO[str]) -> Iterator[list[str]]:
    """Gather the lines of a few hundredths of a second; progress that is too frequent is left out."""
    waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines, waiting), daemon=True).start()
    over = False
    last = 0.0
    while not over:
        batch = [waiting.get()]
        time.sleep(_BATCH_SECONDS if batch[0] is not None else 0)
        while not waiting.empty():
            batch.append(waiting.get())
        over = batch[-1] is None
        kept = [line for line in batch if line is not None and not line.startswith('["progress"')]
        moves = [line for line in batch if line is not None and line.startswith('["progress"')]
        if moves and time.monotonic() - last >= _PROGRESS_SECONDS:
            last = time.monotonic()
            kept.insert(0, moves[-1])
        if kept:
            yield kept


def _read(lines: IO[str], into: queue.SimpleQueue[str | None]) -> None:
    try:
        for line in lines:
            into.put(line)
    finally:
        into.put(None)


def _sent(lines: Iterable[str], work: Path) -> Iterator[Message]:
    """Before the word that the stage is done, send the files that it made."""
    for line in lines:
        kind, *values = json.loads(line)
        if kind == "done":
            for folder in values[0].values():
                yield from _files(Path(folder), work)
            names = {name: Path(folder).relative_to(work).as_posix() for name, folder in values[0].items()}
            yield "says", [json.dumps(["done", names, *values[1:]])]
        else:
            yield "says", [line]


def _files(folder: Path, work: Path) -> Iterator[Message]:
    for path in files_below(folder):
        yield "file", path.relative_to(work).as_posix()
        for piece in pieces(path):
            yield "piece", piece
