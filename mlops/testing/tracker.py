"""The contract of every tracker; subclass `TrackerContract` in a test module to check your own."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mlops.describe import fields, one_line
from mlops.services.tracker import Batch, Measurement, RunForgotten, TrackedRun, Tracker
from mlops.stage import Place

__all__ = ["Shown", "TrackerContract"]

_HEAVY = ("mlflow", "requests", "numpy", "pandas", "polars", "torch", "sqlalchemy")
_STARTED = 1_700_000_000_000


@dataclass(frozen=True)
class Shown:
    """What a tracker shows of a run."""

    parameters: Mapping[str, str]
    metrics: Mapping[str, Sequence[tuple[int, float]]]
    """Name → step and value, in order of steps."""

    ended: bool
    files: Sequence[str] = ()
    parent: str | None = None
    """ID of the run or sweep it is shown below, in mlops' own words."""

    tags: Mapping[str, str] = field(default_factory=dict)


class TrackerContract(ABC):
    """What the follower of runs relies on in a tracker. pytest collects the tests of a subclass called ``Test…``.

    class TestDiary(TrackerContract):
        def tracker(self): return Diary()
        def shown(self, run, place): return read_back(place.state / "diary", run)
    """

    @abstractmethod
    def tracker(self) -> Tracker:
        """Make the tracker to test."""

    @abstractmethod
    def shown(self, run: str, place: Place) -> Shown | None:
        """Read back what the tracker shows of a run; None when it shows nothing."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        """A project of its own."""
        (tmp_path / ".mlops").mkdir()
        return Place(tmp_path, tmp_path / ".mlops", "flights")

    @pytest.fixture
    def run(self, tmp_path: Path) -> TrackedRun:
        """A run of which nothing was sent."""
        return _run(tmp_path, "20260102-030405-678-abcd")

    def test_it_says_what_it_is(self) -> None:
        """The class and each of its fields have a sentence, and unknown keys are refused."""
        kind = type(self.tracker())
        assert one_line(kind), f"{kind.__name__} has no docstring"
        silent = [found.name for found in fields(kind) if not found.description]
        assert not silent, f"fields without a sentence: {', '.join(silent)}"
        assert kind.model_config.get("frozen")
        assert kind.model_config.get("extra") == "forbid"

    def test_its_module_is_light(self) -> None:
        """The module that declares it imports no heavy library at its top: plans load it."""
        source = inspect.getsource(inspect.getmodule(type(self.tracker())) or type(self.tracker()))
        heavy = tuple(f"{word} {name}" for word in ("import", "from") for name in _HEAVY)
        tops = [line for line in source.splitlines() if line.startswith(heavy)]
        assert not tops, f"imported at the top: {tops}"

    def test_it_shows_what_was_sent(self, run: TrackedRun, place: Place) -> None:
        """Parameters and metrics over steps, of a run that goes on."""
        self.tracker().send(run, _first(), place)
        shown = self._shown(run.id, place)
        assert shown.parameters == run.parameters
        assert shown.metrics == {"train.loss": [(0, 0.5), (1, 0.25)], "seconds.data": [(0, 1.5)]}
        assert not shown.ended

    def test_what_comes_again_is_shown_once(self, run: TrackedRun, place: Place) -> None:
        """A batch whose acknowledgement was lost is sent again, from another process too."""
        for batch in (_first(), _first(), _second(), _second()):
            self.tracker().send(run, batch, place)
        shown = self._shown(run.id, place)
        assert shown.metrics["train.loss"] == [(0, 0.5), (1, 0.25), (2, 0.125)]
        assert shown.parameters == run.parameters

    def test_the_end_is_shown(self, run: TrackedRun, place: Place, tmp_path: Path) -> None:
        """Status and files come with the end, and the same end may come twice."""
        (tmp_path / "report.html").write_text("<p>done</p>")
        (tmp_path / "report.html").chmod(0o444)
        ending = replace(_ending("done"), artifacts={"evaluate/report.html": tmp_path / "report.html"})
        for batch in (_first(), ending, ending):
            self.tracker().send(run, batch, place)
        shown = self._shown(run.id, place)
        assert shown.ended
        assert list(shown.files) == ["evaluate/report.html"]

    @pytest.mark.parametrize("status", ["failed", "interrupted"])
    def test_a_run_that_came_to_grief_does_not_look_as_if_it_went_on(
        self, run: TrackedRun, place: Place, status: str
    ) -> None:
        """A killed run is sent with its end by whoever comes next."""
        self.tracker().send(run, _first(), place)
        self.tracker().send(run, _ending(status), place)
        assert self._shown(run.id, place).ended

    def test_a_run_may_come_whole_in_one_batch(self, run: TrackedRun, place: Place) -> None:
        """As those do that were spooled while the tracker was away."""
        self.tracker().send(run, replace(_first(), status="done", ended=_STARTED + 9), place)
        shown = self._shown(run.id, place)
        assert shown.ended
        assert shown.metrics["train.loss"] == [(0, 0.5), (1, 0.25)]

    def test_runs_are_kept_apart(self, run: TrackedRun, place: Place) -> None:
        """One run's batch leaves another's alone."""
        other = replace(run, id="20260102-030405-679-abce")
        self.tracker().send(run, _first(), place)
        self.tracker().send(other, replace(_first(), metrics=()), place)
        assert self._shown(other.id, place).metrics == {}
        assert self.shown("20260102-030405-680-abcf", place) is None

    def test_a_part_is_shown_below_the_whole(self, run: TrackedRun, place: Place) -> None:
        """Jobs of a sweep and trials of a search have a parent, which may not have come yet."""
        job = replace(run, id="20260102-030405-681-abcf", parent="sweep-20260102-030400-000-aaaa")
        trial = replace(run, id="20260102-030405-682-abc0", parent=run.id)
        for part in (job, trial):
            self.tracker().send(part, _first(), place)
            assert self._shown(part.id, place).parent == part.parent
        self.tracker().send(run, _first(), place)
        assert self._shown(run.id, place).parameters == run.parameters

    def test_a_run_that_the_tracker_lost_is_asked_for_again(self, run: TrackedRun, place: Place) -> None:
        """Somebody emptied the tracker: the follower must hear of it to send everything again."""
        with pytest.raises(RunForgotten, match=run.id):
            self.tracker().send(run, _second(), place)

    def test_any_name_and_number_is_taken(self, run: TrackedRun, place: Place) -> None:
        """Columns and metrics are called as people like, and numbers need not be finite."""
        strange = ["train.größe (x)", "train.größe (y)", "a/../b", "/c", "n" * 400, "train.{é}", "."]
        metrics = [Measurement(name, 1.0, 0, _STARTED) for name in strange]
        odd = [Measurement("odd", value, step, _STARTED) for step, value in enumerate((math.nan, math.inf, -math.inf))]
        many = replace(run, parameters={**dict.fromkeys(strange, "1"), "long": "x" * 500, "empty": ""})
        self.tracker().send(many, replace(_first(), metrics=(*metrics, *odd)), place)
        shown = self._shown(run.id, place)
        assert len(shown.metrics) == len(strange) + 1, "two names became one"
        assert len(shown.parameters) == len(strange) + 2

    def test_a_full_batch_is_taken(self, run: TrackedRun, place: Place) -> None:
        """A thousand measurements and hundreds of parameters at once."""
        metrics = tuple(Measurement("train.loss", 1 / (step + 1), step, _STARTED + step) for step in range(1000))
        many = replace(run, parameters={f"key{index}": str(index) for index in range(250)})
        self.tracker().send(many, replace(_first(), metrics=metrics), place)
        shown = self._shown(run.id, place)
        assert [step for step, _ in shown.metrics["train.loss"]] == list(range(1000))
        assert len(shown.parameters) == 250

    def test_it_says_where_to_look(self, run: TrackedRun, place: Place) -> None:
        """A person is told at the end of each run."""
        self.tracker().send(run, _first(), place)
        assert self.tracker().where(run, place)

    def _shown(self, run: str, place: Place) -> Shown:
        shown = self.shown(run, place)
        assert shown is not None, f"the tracker does not show {run}"
        return shown


def _run(folder: Path, name: str) -> TrackedRun:
    return TrackedRun(
        id=name,
        recipe="flights",
        folder=folder,
        started=_STARTED,
        parameters={"seed": "7", "train.lr": "0.01", "model._target_": "mlops_lightgbm.trees.LightGbm"},
        tags={"recipe": "flights", "git.commit": "a" * 40},
    )


def _first() -> Batch:
    return Batch(
        metrics=(
            Measurement("seconds.data", 1.5, 0, _STARTED + 1),
            Measurement("train.loss", 0.5, 0, _STARTED + 2),
            Measurement("train.loss", 0.25, 1, _STARTED + 3),
        ),
        first=True,
    )


def _second() -> Batch:
    return Batch(metrics=(Measurement("train.loss", 0.125, 2, _STARTED + 4),))


def _ending(status: str) -> Batch:
    return Batch(status=status, ended=_STARTED + 5)
