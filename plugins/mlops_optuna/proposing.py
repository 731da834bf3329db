"""Proposals of Optuna, each of which follows from the seed, its number and the trials told before it alone."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from mlops.services.searcher import Trial
from mlops.services.space import Choice, Parameter, active

__all__ = ["Proposal", "Proposer"]

_ATTEMPTS = 25
"""How often values that were tried before are drawn again."""

_STATES = {"done": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


@dataclass(frozen=True)
class Proposal:
    """Values to be tried."""

    number: int
    values: Mapping[str, Any]


@dataclass
class Proposer:
    """Asks Optuna for values and tells it what came of them."""

    space: tuple[Parameter, ...]
    seed: int
    startup: int
    _study: optuna.Study = field(init=False)
    _tried: list[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(direction="minimize")

    def propose(self, number: int) -> Proposal:
        """Draw values; such as were tried before only when there are no others."""
        values: dict[str, Any] = {}
        for attempt in range(_ATTEMPTS):
            self._study.sampler = optuna.samplers.TPESampler(
                seed=_mixed(self.seed, number, attempt), n_startup_trials=self.startup
            )
            asked = self._study.ask()
            values = _suggested(asked, self.space)
            self._study.tell(asked, state=TrialState.FAIL)  # what came of it is told as a trial of its own
            if values not in self._tried:
                break
        else:
            values = next((found for found in _combinations(self.space) if found not in self._tried), values)
        self._tried.append(values)
        return Proposal(number, values)

    def tell(self, trial: Trial) -> None:
        """Take what came of a trial, of this run or an earlier one."""
        if trial.values not in self._tried:
            self._tried.append(trial.values)
        self._study.add_trial(_frozen(trial, self.space))


def _mixed(*numbers: int) -> int:
    """Make a seed that differs for every trial."""
    return int.from_bytes(hashlib.blake2b(repr(numbers).encode(), digest_size=4).digest(), "little")


def _suggested(asked: optuna.Trial, space: Sequence[Parameter]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for parameter in space:
        if parameter in active(space, values):
            drawn = asked._suggest(parameter.name, _distribution(parameter))  # noqa: SLF001 - suggest_* of any kind
            values[parameter.key] = _value(parameter, drawn)
    return values


def _distribution(parameter: Parameter) -> BaseDistribution:
    found = parameter.range
    kind = found.model_dump()["search"]
    if isinstance(found, Choice):
        return CategoricalDistribution(tuple(range(len(found.bounds()))))
    low, high = found.bounds()
    if kind in ("int", "logint"):
        return IntDistribution(low, high, log=kind == "logint")
    return FloatDistribution(low, high, log=kind == "loguniform")


def _value(parameter: Parameter, drawn: Any) -> Any:
    return parameter.range.bounds()[drawn] if isinstance(parameter.range, Choice) else drawn


def _drawn(parameter: Parameter, value: Any) -> Any:
    return parameter.range.bounds().index(value) if isinstance(parameter.range, Choice) else value


def _frozen(trial: Trial, space: Sequence[Parameter]) -> FrozenTrial:
    known = [parameter for parameter in active(space, trial.values) if parameter.key in trial.values]
    return optuna.trial.create_trial(
        state=_STATES[trial.status],
        value=trial.score if trial.status == "done" else None,
        params={item.name: _drawn(item, trial.values[item.key]) for item in known},
        distributions={item.name: _distribution(item) for item in known},
        intermediate_values=dict(trial.reports),
    )


def _combinations(space: Sequence[Parameter]) -> Iterator[dict[str, Any]]:
    """Give every set of values of a space of choices and whole numbers; nothing when a number is drawn."""
    found: list[dict[str, Any]] = [{}]
    for parameter in space:
        every = _every(parameter)
        if every is None or len(found) * len(every) > 100_000:  # noqa: PLR2004 - more than a person waits for
            return
        found = [
            {**values, **({parameter.key: value} if value is not None else {})}
            for values in found
            for value in (every if _fits(parameter, values) else [None])
        ]
    yield from (values for values, _ in itertools.groupby(found))


def _fits(parameter: Parameter, values: Mapping[str, Any]) -> bool:
    return parameter.when is None or values.get(parameter.when[0]) == parameter.when[1]


def _every(parameter: Parameter) -> list[Any] | None:
    if isinstance(parameter.range, Choice):
        return list(parameter.range.bounds())
    low, high = parameter.range.bounds()
    return list(range(low, high + 1)) if isinstance(low, int) and isinstance(parameter.range.middle(), int) else None
