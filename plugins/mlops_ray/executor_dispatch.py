"""Hands stages to Ray as tasks, and follows them: what they say, what they made, and nodes that go away."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from mlops.errors import StageError
from mlops.services.calls import data_of, follow
from mlops.services.executor import Call, Lost, Outcome
from mlops_ray import cluster
from mlops_ray.cluster import cores
from mlops_ray.executor_parcel import Parcel, files_below, packed, safe_path, sources_below
from mlops_ray.executor_task import Job, Message, carry_out, versions

if TYPE_CHECKING:
    from mlops_ray.executor import Ray

__all__ = ["Dispatch"]

_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
_AHEAD = 16
"""Messages that a task may be ahead of us; it waits then, so that large outputs do not fill the memory."""


@dataclass
class Dispatch:
    """One connection to a Ray, and what was put there for this run."""

    executor: Ray
    cluster: cluster.Cluster
    _parcels: dict[Path, Parcel] = field(default_factory=dict)
    _packing: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, executor: Ray) -> Self:
        """Join the cluster that an executor names, or start one."""
        if executor.address is None:
            return cls(executor, cluster.start(cpus=max(cores(), executor.threads())))
        return cls(executor, cluster.join(executor.address))

    def close(self) -> None:
        """Let go of what was put there, and of the cluster."""
        self._parcels.clear()
        self.cluster.close()

    def run(self, call: Call) -> Outcome:
        """Run a stage as a task.

        Raises:
            Lost: the node or the task's process ended.
            StageError: the stage failed or was cancelled, or no node can run it.
        """
        import ray

        with _translated(call):
            _refuse_impossible(call, ray.nodes())
            task = ray.remote(carry_out).options(**_options(call))
            stream = task.remote(self._job(call))
            with call.cancellation.ends(lambda: ray.cancel(stream, force=True)):
                lines = _lines(stream, call, get=ray.get)
                outcome = follow(lines, call)
                deque(lines, maxlen=0)  # the task is over when nothing more comes
        if outcome is None:
            raise StageError("it was cancelled") if call.cancellation.asked else Lost("its task ended without a word")
        here = {name: call.context.folder / folder for name, folder in outcome.folders.items()}
        return Outcome(here, outcome.peak_memory)

    def _job(self, call: Call) -> Job:
        data = data_of(call)
        if self.executor.elsewhere():
            data["context"]["machine"] = None  # a node looks for itself
        if call.code:
            data["expected"] = {"code": dict(call.code), "libraries": dict(call.libraries)}
        job = Job(data, versions(), timeout=call.timeout, cache=self.executor.cache)
        if self.executor.shares_files:
            return job
        inputs = {name: self._parcel(item.folder, files_below, item.folder) for name, item in call.inputs.items()}
        plugins = self._parcel(call.plugins, sources_below, call.plugins.parent) if call.plugins.is_dir() else None
        return replace(job, shared=False, inputs=inputs, plugins=plugins)

    def _parcel(self, folder: Path, listed: Callable[[Path], list[Path]], base: Path) -> Parcel:
        """Put a folder's files where nodes can fetch them, once in a run."""
        import ray

        with self._packing:
            if folder not in self._parcels:
                self._parcels[folder] = packed(listed(folder), base, ray.put)
            return self._parcels[folder]


def _options(call: Call) -> dict[str, Any]:
    wanted = call.resources
    return {
        "num_returns": "streaming",
        "num_cpus": call.context.cpus,
        "num_gpus": wanted.gpus,
        "memory": _bytes(wanted.memory),
        "max_retries": 0,  # what was said and sent before cannot be taken back: the runner begins anew
        "scheduling_strategy": "SPREAD",
        "name": f"mlops {call.target}",
        "_generator_backpressure_num_objects": _AHEAD,
    }


def _bytes(memory: str | None) -> int | None:
    """Read a size such as 4GiB."""
    found = re.fullmatch(r"([\d.]+)\s*([KMG]i?B)", memory or "")
    return int(float(found[1]) * _UNITS[found[2]]) if found else None


def _refuse_impossible(call: Call, nodes: Iterable[Mapping[str, Any]]) -> None:
    """Refuse what no living node could ever run; Ray would wait for such a node without end."""
    wanted = {"CPU": call.context.cpus, "GPU": call.resources.gpus, "memory": _bytes(call.resources.memory) or 0}
    offers = [node["Resources"] for node in nodes if node["Alive"]]
    if any(all(offer.get(name, 0) >= amount for name, amount in wanted.items()) for offer in offers):
        return
    asked = ", ".join(f"{amount:g} {name}" for name, amount in wanted.items() if amount)
    there = "; ".join(", ".join(f"{offer.get(name, 0):g} {name}" for name in wanted) for offer in offers)
    raise StageError(
        f"no node of Ray has {asked}; there are: {there}",
        fix="ask for less under resources, set executor.cpus, or add a node",
    )


def _lines(stream: Iterable[Any], call: Call, *, get: Callable[[Any], Message]) -> Iterator[str]:
    """Give the lines that a task's stage says; write the files that come in between."""
    file: IO[bytes] | None = None
    try:
        for ref in stream:
            kind, value = get(ref)
            if kind == "says":
                yield from value
            elif kind == "file":
                if file is not None:
                    file.close()
                path = safe_path(call.context.folder, value)
                path.parent.mkdir(parents=True, exist_ok=True)
                file = path.open("xb")
            elif file is not None:
                file.write(value)
    finally:
        if file is not None:
            file.close()


@contextmanager
def _translated(call: Call) -> Iterator[None]:
    """Tell nodes that went away from stages that failed."""
    from ray import exceptions

    try:
        yield
    except exceptions.OutOfMemoryError as exc:
        raise StageError("Ray ended it: its node ran out of memory", fix="ask for more with resources.memory") from exc
    except exceptions.RayTaskError as exc:
        cause = exc.cause
        if isinstance(cause, StageError):
            raise StageError(cause.what, where=cause.where, fix=cause.fix) from exc
        raise StageError(f"the node could not run it: {cause or exc}", fix="look at the node's Ray logs") from exc
    except exceptions.TaskUnschedulableError as exc:
        raise StageError(f"Ray cannot place it: {exc}", fix="ask for less under resources") from exc
    except exceptions.RayError as exc:
        if call.cancellation.asked:
            raise StageError("it was cancelled") from exc
        raise Lost(f"the node or its process ended: {type(exc).__name__}") from exc
