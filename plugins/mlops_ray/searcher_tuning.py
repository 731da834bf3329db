"""The work of the Ray Tune searcher: a tuner with Optuna's proposals, halving, and a teller of what came of trials."""

from __future__ import annotations

import hashlib
import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops.services.halving import Race
from mlops.services.searcher import SearchTask, Trial
from mlops_ray.cluster import start

if TYPE_CHECKING:
    from mlops_ray.searcher import RayTune

__all__ = ["Teller", "search"]

_SETTINGS = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Tune would take Ctrl-C for a reason to return as if all were well
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a trial that failed measured nothing
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # the search keeps a journal of its own
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "-1",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
}
LOSS = "loss"
"""What Tune compares; small is good."""


@dataclass
class Teller:
    """Tells each trial once, however it ended."""

    task: SearchTask
    race: Race
    behind: dict[int, str] = field(default_factory=dict)
    """Trials that were ended early → why."""

    reports: dict[int, dict[int, float]] = field(default_factory=dict)
    began: dict[int, float] = field(default_factory=dict)
    told: list[Trial] = field(default_factory=list)

    def enter(self, config: dict[str, Any]) -> None:
        """Let a trial begin."""
        self.race.enter(config["number"], config["values"])
        self.began[config["number"]] = time.monotonic()

    def report(self, number: int, step: int, value: float) -> bool:
        """Take a report; tell whether the trial is to end."""
        self.reports.setdefault(number, {})[step] = value
        if self.race.is_behind(number, step, value):
            self.behind[number] = self.race.words(step, value)
        return number in self.behind

    def tell(self, trial: Trial) -> None:
        """Pass on what came of a trial."""
        if trial.number not in {other.number for other in self.told}:
            self.told.append(trial)
            self.task.tell(trial)

    def ended(self, config: dict[str, Any]) -> None:
        """Tell a trial that was ended early; one that the budget ended is not told."""
        if config["number"] in self.behind:
            self.tell(self._without_run(config, "pruned", self.behind[config["number"]]))

    def died(self, config: dict[str, Any], error: str) -> None:
        """Tell a trial whose process died."""
        self.tell(self._without_run(config, "failed", error))

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune writes the tuner down to restore it, which is never done

    def _without_run(self, config: dict[str, Any], status: Any, error: str) -> Trial:
        number = config["number"]
        seconds = round(time.monotonic() - self.began.get(number, time.monotonic()), 4)
        reports = self.reports.get(number, {})
        return Trial(number, config["values"], status, reports=reports, seconds=seconds, error=error)


def search(searcher: RayTune, task: SearchTask) -> None:
    """Make what trials are missing."""
    left = task.trials - len(task.told)
    if left <= 0 or task.is_late():
        return
    os.environ.update(_SETTINGS)
    race = Race(task.space, searcher.first_rung, searcher.reduction)
    for trial in task.told:
        race.take(trial)
    cluster = start(max(task.cpus * task.concurrency, len(os.sched_getaffinity(0))))
    try:
        with _quiet():
            _tuned(searcher, task, Teller(task, race), left=left)
    finally:
        cluster.close()


def _tuned(searcher: RayTune, task: SearchTask, teller: Teller, *, left: int) -> None:
    from ray import tune

    from mlops_ray.searcher_parts import Halving, Proposals, Telling
    from mlops_ray.trial import Order, TrialActor

    seed = int.from_bytes(hashlib.blake2b(repr((task.seed, len(task.told))).encode(), digest_size=4).digest(), "little")
    order = Order(task.objective, task.cpus, task.deadline, searcher.first_rung, searcher.reduction)
    trainable = tune.with_resources(
        tune.with_parameters(TrialActor, order=order),
        {"cpu": task.cpus, "gpu": task.gpus},
    )
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            metric=LOSS,
            mode="min",
            search_alg=Proposals.of(task, startup=searcher.startup, seed=seed, late=lambda: _is_late(teller)),
            scheduler=Halving(teller),
            num_samples=left,
            max_concurrent_trials=task.concurrency,
            time_budget_s=None if task.deadline is None else max(0.1, task.deadline - time.time()),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="search", storage_path=str(task.scratch), callbacks=[Telling(teller)], verbose=0
        ),
    )
    tuner.fit()


def _is_late(teller: Teller) -> bool:
    return teller.task.is_late(tuple(teller.told))


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave what Ray and Optuna have to say out of the terminal."""
    loggers = [logging.getLogger(name) for name in ("ray", "ray.tune", "optuna")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
