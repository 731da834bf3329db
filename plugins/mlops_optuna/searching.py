"""The work of the Optuna searcher: propose, try, tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.services.halving import Race
from mlops.services.searcher import Report, SearchTask, Stopped, Trial
from mlops_optuna.proposing import Proposer

if TYPE_CHECKING:
    from mlops_optuna.searcher import OptunaSearcher

__all__ = ["search"]


def search(searcher: OptunaSearcher, task: SearchTask) -> None:
    """Make what trials are missing."""
    proposer = Proposer(task.space, task.seed, searcher.startup)
    race = Race(task.space, searcher.first_rung, searcher.reduction)
    for trial in task.told:
        proposer.tell(trial)
        race.take(trial)
    if task.concurrency == 1:
        _one_by_one(task, proposer, race)
        return
    from mlops_optuna.workers import side_by_side

    side_by_side(task, proposer, race)


def _one_by_one(task: SearchTask, proposer: Proposer, race: Race) -> None:
    made: list[Trial] = []
    for number in task.numbers():
        if task.is_late(tuple(made)):
            return
        proposal = proposer.propose(number)
        race.enter(number, proposal.values)
        try:
            trial = task.objective(number, proposal.values, _judge(race, number), deadline=task.deadline)
        except Stopped:
            return
        made.append(trial)
        proposer.tell(trial)
        task.tell(trial)


def _judge(race: Race, number: int) -> Report:
    def report(step: int, value: float) -> None:
        if race.is_behind(number, step, value):
            raise Stopped("pruned", race.words(step, value))

    return report
