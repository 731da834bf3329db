"""Who searches a recipe for its best values: a plugin that proposes values and has them tried."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field

from mlops.services.space import Parameter
from mlops.stage import Part, Stage

__all__ = ["Objective", "PruningSearcher", "Report", "SearchTask", "Searcher", "Stopped", "Trial"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

Report = Callable[[int, float], None]
"""Takes a step and what the trial measured there, smaller is better; raises `Stopped` to end the trial."""


def _duration(value: Any) -> Any:
    """Read '90s', '10m', '2h' or '1d' as seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", value) if isinstance(value, str) else None
    return float(found[1]) * _UNITS[found[2]] if found else value


class Stopped(BaseException):
    """Ends a trial whose further work is not wanted."""

    def __init__(self, reason: Literal["pruned", "budget"], words: str = "") -> None:
        self.reason = reason
        self.words = words
        super().__init__(reason, words)


@dataclass(frozen=True)
class Trial:
    """What came of one set of values."""

    number: int
    """From 0, in the order of proposal."""

    values: Mapping[str, Any]
    """Dotted key → value; choices of config groups by the group's name."""

    status: Literal["done", "pruned", "failed"]
    score: float | None = None
    """What is compared: smaller is better, whatever the metric; None unless done."""

    measured: float | None = None
    """The metric itself."""

    reports: Mapping[int, float] = field(default_factory=dict)
    """What it measured at steps along the way, smaller is better."""

    seconds: float = 0.0
    run: str = ""
    """ID of its run."""

    error: str = ""
    """Why it failed or was pruned."""

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON values that `from_json` reads back."""
        reports = {str(step): value for step, value in self.reports.items()}
        return {**vars(self), "values": dict(self.values), "reports": reports}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Trial:
        """Read what `to_json` gave."""
        known = {key: value[key] for key in cls.__dataclass_fields__ if key in value}
        return cls(**{**known, "reports": {int(step): item for step, item in value["reports"].items()}})


class Objective(Protocol):
    """Tries one set of values; can be pickled and called in any process of this machine."""

    def __call__(
        self, number: int, values: Mapping[str, Any], report: Report, *, deadline: float | None = None
    ) -> Trial:
        """Carry out one trial; what goes wrong in it is said by the trial, not raised.

        Raises:
            Stopped: for reason budget, as there is nothing to keep of such a trial.
            KeyboardInterrupt: the whole search was asked to end.
        """


@dataclass(frozen=True)
class SearchTask:
    """What a searcher is given to do."""

    space: tuple[Parameter, ...]
    """Those above before those that depend on them."""

    objective: Objective
    told: tuple[Trial, ...]
    """Trials of earlier runs of the same search, by number."""

    trials: int
    """How many trials there shall be in all, those told among them."""

    tell: Callable[[Trial], None]
    """Keeps a finished trial for good; called in this process, once each."""

    seed: int = 0
    deadline: float | None = None
    """Seconds since the epoch; no trial may go on after it."""

    concurrency: int = 1
    cpus: int = 1
    """Threads of each trial."""

    gpus: float = 0
    scratch: Path = Path()
    """Folder for what the searcher keeps on disk while it works."""

    def numbers(self) -> Iterator[int]:
        """Give the numbers of the trials that are still to be made."""
        taken = {trial.number for trial in self.told}
        free = (number for number in range(self.trials + len(taken)) if number not in taken)
        for _ in range(self.trials - len(taken)):
            yield next(free)

    def is_late(self, done: tuple[Trial, ...] = ()) -> bool:
        """Tell whether the budget leaves no time for one more trial as long as those before."""
        if self.deadline is None:
            return False
        past = [trial.seconds for trial in (*self.told, *done) if trial.status == "done" and trial.seconds]
        return time.time() + (median(past) if past else 0.0) > self.deadline


class Searcher(Part, ABC):
    """Searches for the best values of a recipe. The engine calls `search` once, while it holds the search's lock.

    Proposals must follow from the seed, the trial's number and the trials told before it alone: a
    search that was ended and goes on then finds what it would have found.
    """

    space: dict[str, Any] = Field(default={})
    """Key of the recipe → its range, such as {search: loguniform, low: 1e-5, high: 1e-2}; keys are dotted.

    A config group's name with {search: choice, values: …} swaps whole sections."""

    metric: Annotated[str | None, Field(min_length=1)] = None
    """What is compared, as stage.metric, of validation rows; the validation loss that training tells by default."""

    mode: Literal["min", "max"] = "min"
    """Whether small or large values of the metric are good."""

    watch: str = "validation_loss"
    """The metric, told step by step, by which hopeless trials are ended early; smaller is better."""

    trials: Annotated[int, Field(ge=1, le=100_000)] = 20
    """How many sets of values are tried; raised later, the search goes on where it ended."""

    budget: Annotated[Annotated[float, Field(gt=0)] | None, BeforeValidator(_duration)] = None
    """Longest the search may take in all: seconds, or text such as 90s, 10m, 2h. The best so far then wins."""

    concurrency: Annotated[int, Field(ge=1, le=1024)] = 1
    """How many trials run at the same time; they share the cores."""

    until: str = "train"
    """The stage after which a trial is judged."""

    seed: Annotated[int | None, Field(ge=0, lt=2**31)] = None
    """Seed of the proposals; the recipe's when not given."""

    ensemble: Stage | None = None
    """A stage that joins the models of the best trials; the single best one goes on when not given."""

    candidates: Annotated[int, Field(ge=2, le=100)] = 10
    """How many of the best trials are offered to the ensemble."""

    @abstractmethod
    def search(self, task: SearchTask) -> None:
        """Have trials made until there are enough or the time is up; tell each when it is finished.

        Raises:
            KeyboardInterrupt: as it comes from the objective or the terminal, after trials that run are ended.
        """


class PruningSearcher(Searcher, ABC):
    """A searcher that draws its first trials at random, and ends those early that are behind."""

    startup: Annotated[int, Field(ge=1)] = 10
    """How many trials are drawn at random before what was found has a say."""

    pruner: Literal["none", "asha"] = "asha"
    """asha: end trials early that are behind others at the same step (asynchronous successive halving)."""

    grace: Annotated[int, Field(ge=1)] = 10
    """Steps that every trial may take before it can be ended early."""

    reduction: Annotated[int, Field(ge=2, le=100)] = 3
    """Of the trials that come to a rung, one of so many goes on; rungs are grace times its powers."""

    @property
    def first_rung(self) -> int:
        """Steps before trials are compared; 0 when none is ended early."""
        return self.grace if self.pruner == "asha" else 0
