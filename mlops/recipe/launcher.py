"""A Hydra launcher that runs the jobs of a sweep side by side, each in a process of its own.

mlops run -m recipe=churn seed=1,2,3,4 hydra/launcher=parallel hydra.launcher.jobs=2
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import IO, Any, Protocol

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from mlops.machine import cores
from mlops.services.interruption import ended_by_signal

__all__ = ["ParallelLauncher", "offer"]

_TARGET = "hydra_plugins.mlops.ParallelLauncher"
"""Hydra makes launchers only from what looks like a plugin package of its own."""

_PATIENCE = 8.0
"""Seconds that jobs have to write down that they were interrupted."""

_PR_SET_PDEATHSIG = 1


class Task(Protocol):
    """What Hydra calls for each job."""

    def __call__(self, config: DictConfig) -> Any:
        """Do the job."""

    def died(self, overrides: str, why: str) -> Any:
        """Give what stands for a job whose process ended before it was done."""


@dataclass
class _Conf:
    """The keys of ``hydra.launcher``."""

    _target_: str = _TARGET
    jobs: int = 0


def offer() -> None:
    """Let ``hydra/launcher=parallel`` be chosen."""
    ConfigStore.instance().store(group="hydra/launcher", name="parallel", node=_Conf, provider="mlops")
    Plugins.instance().class_name_to_class[_TARGET] = ParallelLauncher


@dataclass(frozen=True)
class _Running:
    """One job at work."""

    index: int
    words: str
    slot: int
    process: BaseProcess
    pipe: Connection
    out: IO[bytes]
    err: IO[bytes]


class ParallelLauncher(Launcher):  # type: ignore[misc] # hydra has no type information
    """Runs as many jobs at once as there are cores, or as ``jobs`` says; each has its share of the cores.

    The processes are forked before anything heavy is imported, so that one starts at once. What a
    job prints is shown in one piece when it ends.
    """

    def __init__(self, jobs: int = 0) -> None:
        self._jobs = max(1, jobs or cores())

    def setup(self, *, hydra_context: HydraContext, task_function: Task, config: DictConfig) -> None:
        """Take what the jobs need."""
        self._context = hydra_context
        self._task = task_function
        self._config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs, and give what each returned in their order."""
        setup_globals()
        waiting = [(initial_job_idx + at, list(words)) for at, words in enumerate(job_overrides)]
        found: dict[int, JobReturn] = {}
        slots = list(range(min(self._jobs, len(waiting))))
        width = len(slots)
        running: list[_Running] = []
        with ended_by_signal(), _ending(running):
            while waiting or running:
                while waiting and slots:
                    running.append(self._begun(*waiting.pop(0), slot=slots.pop(0), width=width))
                for job in _ended(running):
                    found[job.index] = self._result(job)
                    slots.append(job.slot)
        return [found[index] for index in sorted(found)]

    def _begun(self, index: int, overrides: list[str], *, slot: int, width: int) -> _Running:
        ours, theirs = multiprocessing.Pipe(duplex=False)
        out, err = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115 - closed once it was shown
        process = multiprocessing.get_context("fork").Process(
            target=self._in_process, args=(index, overrides, theirs, (out, err), (slot, width), os.getpid())
        )
        words = " ".join(word.removeprefix("++") for word in filter_overrides(overrides))
        sys.stdout.flush()
        sys.stderr.write(f"job {index} begins: {words}\n")
        sys.stderr.flush()
        process.start()
        theirs.close()
        return _Running(index, words, slot, process, ours, out, err)

    def _in_process(
        self,
        index: int,
        overrides: list[str],
        pipe: Connection,
        streams: tuple[IO[bytes], IO[bytes]],
        share: tuple[int, int],
        parent: int,
    ) -> None:
        """Do one job, in its own process."""
        _settle(streams, parent=parent)
        _keep_to(*share)
        config = self._context.config_loader.load_sweep_config(self._config, overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = index
        try:
            done = run_job(
                hydra_context=self._context,
                task_function=self._task,
                config=config,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
                configure_logging=False,
            )
            pipe.send(("done", done.return_value))
        except KeyboardInterrupt:
            pipe.send(("died", "it was interrupted"))
        except Exception as exc:  # noqa: BLE001 - the sweep reports it
            sys.stderr.write(traceback.format_exc())
            pipe.send(("died", f"{type(exc).__name__}: {exc}"))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()

    def _result(self, job: _Running) -> JobReturn:
        """Show what a job printed, and give what it returned."""
        try:
            kind, value = job.pipe.recv()
        except EOFError:
            kind, value = "died", ""
        job.process.join()
        job.pipe.close()
        _show(job)
        if kind == "died":
            value = self._task.died(job.words, value or f"its process ended with code {job.process.exitcode}")
        made = JobReturn(overrides=job.words.split(), status=JobStatus.COMPLETED)
        made.return_value = value
        return made


def _ended(running: list[_Running]) -> list[_Running]:
    """Wait until a job has something to say, or ended without; take it off the list."""
    ready = wait([job.pipe for job in running])
    ended = [job for job in running if job.pipe in ready]
    for job in ended:
        running.remove(job)
    return ended


def _show(job: _Running) -> None:
    sys.stderr.write(f"\njob {job.index} ended: {job.words}\n")
    for source, stream in ((job.out, sys.stdout), (job.err, sys.stderr)):
        source.seek(0)
        stream.flush()
        target = getattr(stream, "buffer", None)
        if target is None:
            stream.write(source.read().decode(errors="replace"))
        else:
            shutil.copyfileobj(source, target)
        stream.flush()
        source.close()


@contextmanager
def _ending(running: list[_Running]) -> Iterator[None]:
    """Whatever ends the sweep, end its jobs: they are asked first, so that they can write that down."""
    try:
        yield
    finally:
        for job in running:
            job.process.terminate()
        wait([job.process.sentinel for job in running], timeout=0)
        for job in running:
            job.process.join(_PATIENCE)
            if job.process.is_alive():
                job.process.kill()
                job.process.join()
            _show(job)


def _settle(streams: tuple[IO[bytes], IO[bytes]], *, parent: int) -> None:
    """End with the parent, and print where it asks for."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for descriptor, stream in zip((1, 2), streams, strict=True):
        os.dup2(stream.fileno(), descriptor)


def _keep_to(slot: int, width: int) -> None:
    """Keep a job to its share of the cores; everything that counts them then finds as many."""
    if not hasattr(os, "sched_setaffinity"):
        return
    every = sorted(os.sched_getaffinity(0))
    size = max(1, min(len(every), cores()) // width)
    first = slot * size % len(every)
    with suppress(OSError):
        os.sched_setaffinity(0, (every * 2)[first : first + size])
    cores.cache_clear()
