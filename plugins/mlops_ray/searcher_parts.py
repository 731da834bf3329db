"""What Ray Tune calls while it tunes: who proposes, who ends trials early, who tells what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState
from ray.tune import Callback
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from mlops.services.searcher import SearchTask, Trial
from mlops.services.space import Choice, Parameter, active
from mlops_ray.searcher_tuning import LOSS, Teller

__all__ = ["Halving", "Proposals", "Telling"]

_STUDY = "search"
_STATES = {"done": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


class Proposals(OptunaSearch):  # type: ignore[misc] # the library is untyped
    """Optuna's proposals, numbered; it knows the trials of earlier runs."""

    numbers: Iterator[int]
    late: Callable[[], bool]

    @classmethod
    def of(cls, task: SearchTask, *, startup: int, seed: int, late: Callable[[], bool]) -> Proposals:
        """Make one that goes on where earlier runs ended."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = optuna.storages.InMemoryStorage()
        study = optuna.create_study(storage=storage, study_name=_STUDY, direction="minimize")
        for trial in task.told:
            study.add_trial(_frozen(trial, task.space))

        def ask(trial: Any) -> dict[str, Any]:
            return {"values": _suggested(trial, task.space)}

        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup)
        made = cls(space=ask, metric=LOSS, mode="min", sampler=sampler, storage=storage, study_name=_STUDY)
        made.numbers, made.late = task.numbers(), late
        return made

    def suggest(self, trial_id: str) -> Any:
        """Give the number and the values of the next trial."""
        if self.late():
            return Searcher.FINISHED
        values = super().suggest(trial_id)["values"]
        return {"number": next(self.numbers), "values": values}

    def save(self, checkpoint_path: str) -> None:
        """Keep nothing: the search has a journal of its own."""

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune writes the tuner down to restore it, which is never done


def _suggested(trial: Any, space: Sequence[Parameter]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for parameter in space:
        if parameter in active(space, values):
            values[parameter.key] = _asked(trial, parameter)
    return values


def _asked(trial: Any, parameter: Parameter) -> Any:
    found = _distribution(parameter)
    if isinstance(found, CategoricalDistribution):
        return parameter.range.bounds()[trial.suggest_categorical(parameter.name, found.choices)]
    suggest = trial.suggest_int if isinstance(found, IntDistribution) else trial.suggest_float
    return suggest(parameter.name, found.low, found.high, log=found.log)


def _distribution(parameter: Parameter) -> BaseDistribution:
    found = parameter.range
    if isinstance(found, Choice):
        return CategoricalDistribution(tuple(range(len(found.bounds()))))
    low, high = found.bounds()
    kind = found.model_dump()["search"]
    chosen = IntDistribution if kind.endswith("int") else FloatDistribution
    return chosen(low, high, log=kind.startswith("log"))


def _frozen(trial: Trial, space: Sequence[Parameter]) -> FrozenTrial:
    known = [item for item in active(space, trial.values) if item.key in trial.values]
    return optuna.trial.create_trial(
        state=_STATES[trial.status],
        value=trial.score if trial.status == "done" else None,
        params={item.name: _drawn(item, trial.values[item.key]) for item in known},
        distributions={item.name: _distribution(item) for item in known},
        intermediate_values=dict(trial.reports),
    )


def _drawn(parameter: Parameter, value: Any) -> Any:
    return parameter.range.bounds().index(value) if isinstance(parameter.range, Choice) else value


class Halving(FIFOScheduler):  # type: ignore[misc] # the library is untyped
    """Ends trials that are behind others of their kind; Ray's own ASHA compares networks with trees."""

    def __init__(self, teller: Teller) -> None:
        super().__init__()
        self._teller = teller

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Let a trial begin."""
        super().on_trial_add(tune_controller, trial)
        self._teller.enter(trial.config)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        """Decide whether a trial goes on."""
        del tune_controller
        if self._teller.report(trial.config["number"], result["step"], result[LOSS]):
            return str(TrialScheduler.STOP)
        return str(TrialScheduler.CONTINUE)


class Telling(Callback):  # type: ignore[misc] # the library is untyped
    """Tells what came of each trial as soon as Tune knows."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: Mapping[str, Any]) -> None:
        """Tell a trial that came to its end."""
        del iteration, trials, trial
        if "trial" in result:
            self._teller.tell(Trial.from_json(result["trial"]))

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any) -> None:
        """Tell a trial that was ended early."""
        del iteration, trials
        self._teller.ended(trial.config)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any) -> None:
        """Tell a trial whose process died."""
        del iteration, trials
        error = next((line for line in reversed(str(trial.get_error() or "").splitlines()) if line.strip()), "")
        self._teller.died(trial.config, f"its process ended: {error}" if error else "its process ended")
