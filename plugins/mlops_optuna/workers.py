"""Several trials at once, each in a process of its own; a process makes one trial after another."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from mlops.services.halving import Race
from mlops.services.searcher import Objective, SearchTask, Stopped, Trial
from mlops_optuna.proposing import Proposal, Proposer

__all__ = ["side_by_side"]

_PR_SET_PDEATHSIG = 1
_GRACE = 0.5
"""Seconds that a trial has after the deadline to end by itself."""

_THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass
class _Worker:
    """One process, and the trial it makes."""

    process: BaseProcess
    pipe: Connection
    proposal: Proposal | None = None

    @classmethod
    def begin(cls, task: SearchTask) -> _Worker:
        """Start a process that waits for trials."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, task.objective, task.cpus, os.getpid()), daemon=False)
        process.start()
        theirs.close()
        return cls(process, ours)

    def give(self, proposal: Proposal, deadline: float | None) -> None:
        """Hand a trial over."""
        self.proposal = proposal
        self.pipe.send((proposal.number, dict(proposal.values), deadline))

    def end(self) -> None:
        """End the process, and what it started."""
        if self.process.pid is not None and self.process.is_alive():
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self.process.kill()
        self.process.join()
        self.pipe.close()


@dataclass
class _Crew:
    """The processes of one search."""

    task: SearchTask
    proposer: Proposer
    race: Race
    numbers: Iterator[int]
    workers: list[_Worker] = field(default_factory=list)
    made: list[Trial] = field(default_factory=list)

    def run(self) -> None:
        """Keep all processes at work until nothing is left to do."""
        try:
            while self._hire() or any(worker.proposal for worker in self.workers):
                self._listen()
                if self._is_over():
                    return
        finally:
            for worker in self.workers:
                worker.end()

    def _hire(self) -> bool:
        """Give trials to whoever is free; tell whether any was given."""
        given = False
        while (free := self._free()) is not None and not self.task.is_late(tuple(self.made)):
            number = next(self.numbers, None)
            if number is None:
                return given
            proposal = self.proposer.propose(number)
            self.race.enter(number, proposal.values)
            free.give(proposal, self.task.deadline)
            given = True
        return given

    def _free(self) -> _Worker | None:
        idle = next((worker for worker in self.workers if worker.proposal is None), None)
        if idle is None and len(self.workers) < self.task.concurrency:
            idle = _Worker.begin(self.task)
            self.workers.append(idle)
        return idle

    def _listen(self) -> None:
        busy = {worker.pipe: worker for worker in self.workers if worker.proposal}
        for pipe in wait(list(busy), timeout=self._patience()):
            worker = busy[pipe]  # type: ignore[index] # only pipes are waited for
            try:
                self._take(worker, worker.pipe.recv())
            except (EOFError, ConnectionError):
                self._lost(worker)

    def _patience(self) -> float | None:
        deadline = self.task.deadline
        return None if deadline is None else max(0.0, deadline + _GRACE - time.time())

    def _is_over(self) -> bool:
        return self.task.deadline is not None and time.time() > self.task.deadline + _GRACE

    def _take(self, worker: _Worker, message: tuple[str, Any]) -> None:
        kind, value = message
        number = worker.proposal.number if worker.proposal else -1
        if kind == "report":
            step, loss = value
            worker.pipe.send(self.race.words(step, loss) if self.race.is_behind(number, step, loss) else "")
            return
        worker.proposal = None
        if kind == "trial":
            self._told(value)

    def _told(self, trial: Trial) -> None:
        self.made.append(trial)
        self.proposer.tell(trial)
        self.task.tell(trial)

    def _lost(self, worker: _Worker) -> None:
        """A trial whose process died has failed; the others go on."""
        worker.end()
        self.workers.remove(worker)
        proposal = worker.proposal
        if proposal is not None:
            error = f"its process ended with code {worker.process.exitcode}; the system may have been short of memory"
            self._told(Trial(proposal.number, proposal.values, "failed", error=error))


def side_by_side(task: SearchTask, proposer: Proposer, race: Race) -> None:
    """Make what trials are missing, several at a time."""
    _Crew(task, proposer, race, task.numbers()).run()


def _serve(pipe: Connection, objective: Objective, cpus: int, parent: int) -> None:
    """Make the trials that come through a pipe; runs in a process of its own."""
    os.setsid()
    _die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a person's Ctrl-C is the searcher's to act on
    os.environ.update(dict.fromkeys(_THREADS, str(cpus)))

    def report(step: int, value: float) -> None:
        pipe.send(("report", (step, value)))
        if words := pipe.recv():
            raise Stopped("pruned", words)

    while True:
        try:
            number, values, deadline = pipe.recv()
        except (EOFError, ConnectionError):
            return
        try:
            pipe.send(("trial", objective(number, values, report, deadline=deadline)))
        except Stopped:
            pipe.send(("late", None))


def _die_with(parent: int) -> None:
    """Have the kernel end this process when its parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
