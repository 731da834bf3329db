"""The contract of every searcher; subclass `SearcherContract` in a test module to check your own."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mlops.services.searcher import Report, Searcher, SearchTask, Stopped, Trial
from mlops.services.space import Choice, Int, LogUniform, Parameter, Uniform, active

__all__ = ["Hill", "SearcherContract", "hill_space"]

_TRIALS = 9
_STEPS = 4


@dataclass(frozen=True)
class Hill:
    """Tries values without a recipe: a valley whose bottom is known, where some trials fail."""

    seconds: float = 0.0
    """How long a trial takes."""

    fails: bool = True
    """Whether trials fail on the steep side."""

    def __call__(
        self, number: int, values: Mapping[str, Any], report: Report, *, deadline: float | None = None
    ) -> Trial:
        """Measure the height; steep trials come late to each step, and so are behind."""
        score = (values["x"] - 0.3) ** 2 + (values.get("depth", 0) / 10)
        reports: dict[int, float] = {}
        if self.fails and values["x"] > 0.9:  # the steep side
            return Trial(number, dict(values), "failed", error="too steep")
        for step in range(_STEPS):
            time.sleep(self.seconds / _STEPS)
            if deadline is not None and time.time() > deadline:
                raise Stopped("budget")
            reports[step] = score + _STEPS - step
            try:
                report(step, reports[step])
            except Stopped as exc:
                return Trial(number, dict(values), "pruned", reports=reports, error=exc.words)
        return Trial(number, dict(values), "done", score, score, reports, self.seconds, error="", run=f"run-{number}")


def hill_space() -> tuple[Parameter, ...]:
    """Give a space with a choice that has ranges of its own below it."""
    return (
        Parameter("x", Uniform(search="uniform", low=0.0, high=1.0)),
        Parameter("rate", LogUniform(search="loguniform", low=1e-4, high=1.0)),
        Parameter("kind", Choice(search="choice", values={"flat": {}, "deep": {}})),
        Parameter("depth", Int(search="int", low=1, high=5), when=("kind", "deep")),
    )


class SearcherContract(ABC):
    """What the engine relies on in a searcher. pytest collects the tests of a subclass called ``Test…``."""

    @abstractmethod
    def searcher(self) -> Searcher:
        """Make the searcher to test; it may end no trial early."""

    def task(self, folder: Path, told: list[Trial]) -> SearchTask:
        """Say what to search; what is told is kept in the list."""
        folder.mkdir(parents=True, exist_ok=True)
        searcher = self.searcher()
        return SearchTask(
            space=hill_space(),
            objective=Hill(),
            told=(),
            trials=_TRIALS,
            tell=told.append,
            seed=3,
            concurrency=searcher.concurrency,
            scratch=folder,
        )

    @pytest.fixture(scope="class")
    @classmethod
    def made(cls, tmp_path_factory: pytest.TempPathFactory) -> list[Trial]:
        """The trials of one search, for all tests that only look at them."""
        suite, told = cls(), list[Trial]()
        suite.searcher().search(suite.task(tmp_path_factory.mktemp("search"), told))
        return told

    def test_it_makes_exactly_as_many_trials_as_are_wanted(self, made: list[Trial]) -> None:
        """Each number once, whatever came of the trials."""
        assert sorted(trial.number for trial in made) == list(range(_TRIALS))

    def test_its_values_lie_in_their_ranges(self, made: list[Trial]) -> None:
        """Every parameter that has a say gets a value, and no other."""
        for trial in made:
            assert set(trial.values) == {parameter.key for parameter in active(hill_space(), trial.values)}
            assert 0 <= trial.values["x"] <= 1
            assert 1e-4 <= trial.values["rate"] <= 1
            assert trial.values["kind"] in ("flat", "deep")
            assert trial.values.get("depth", 1) in range(1, 6)

    def test_it_tries_different_values(self, made: list[Trial]) -> None:
        """No two trials are the same where numbers are drawn."""
        assert len({trial.values["x"] for trial in made}) == _TRIALS

    def test_it_tells_what_the_objective_said(self, made: list[Trial]) -> None:
        """Scores, runs and reports arrive as they are."""
        for trial in made:
            if trial.status == "done":
                assert trial.score == pytest.approx((trial.values["x"] - 0.3) ** 2 + trial.values.get("depth", 0) / 10)
                assert trial.run == f"run-{trial.number}"
            else:
                assert trial.error

    def test_it_goes_on_where_an_earlier_run_ended(self, made: list[Trial], tmp_path: Path) -> None:
        """Trials told are not made again, and the count is exact."""
        told: list[Trial] = []
        earlier = tuple(trial for trial in made if trial.number < _TRIALS // 2)
        self.searcher().search(replace(self.task(tmp_path / "scratch", told), told=earlier))
        assert sorted(trial.number for trial in told) == list(range(_TRIALS // 2, _TRIALS))
        assert not {trial.values["x"] for trial in told} & {trial.values["x"] for trial in earlier}

    def test_it_ends_at_the_deadline(self, tmp_path: Path) -> None:
        """What the time does not suffice for is not made, and what is under way then is not told."""
        told: list[Trial] = []
        task = self.task(tmp_path / "scratch", told)
        slow = replace(task, objective=Hill(seconds=1.0, fails=False), deadline=time.time() + 1.5, trials=50)
        self.searcher().search(slow)
        assert len(told) < slow.trials
        assert all(trial.status == "done" for trial in told)

    def test_it_makes_nothing_when_enough_was_made(self, made: list[Trial], tmp_path: Path) -> None:
        """A search that is complete stays as it is."""
        told: list[Trial] = []
        self.searcher().search(replace(self.task(tmp_path / "scratch", told), told=tuple(made)))
        assert not told
