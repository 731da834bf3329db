"""The contract of every policy of retraining; subclass `PolicyContract` in a test module to check your own."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta

from mlops.describe import fields, one_line
from mlops.services.monitor import Finding, Kind, Window
from mlops.services.policy import History, Policy

__all__ = ["PolicyContract", "make_history", "make_window"]

_HEAVY = ("polars", "numpy", "pandas", "scipy", "sklearn", "torch", "mlflow", "ray")
_START = datetime(2024, 1, 1, tzinfo=UTC)


def make_window(day: int, *kinds: Kind, labels: int = 1_000) -> Window:
    """Make the window of a day, with an alarm of each kind."""
    start, end = _START + timedelta(days=day), _START + timedelta(days=day + 1)
    found = tuple(Finding(kind, "amount", 1.0, 0.1, 0.0, True, f"amount: {kind}") for kind in kinds)
    return Window(start.isoformat(), end.isoformat(), 1_000, labels, (1,), found)


def make_history(*windows: Window, trained: int | None = None) -> History:
    """Make what a policy is told on the day after the last window; ``trained`` is the day of the last retraining."""
    now = datetime.fromisoformat(windows[-1].end if windows else _START.isoformat()).timestamp()
    began = None if trained is None else (_START + timedelta(days=trained)).timestamp()
    seen = "" if trained is None else (_START + timedelta(days=trained)).isoformat()
    return History(windows, 1, now, began, seen, registered=_START.timestamp(), seen_rows=1_000)


class PolicyContract(ABC):
    """What the engine relies on. pytest collects the tests of a subclass called ``Test…``.

    Example:
        class TestMine(PolicyContract):
            def policy(self): return Mine()
            def reason(self): return make_history(make_window(0, "performance"))
    """

    @abstractmethod
    def policy(self) -> Policy:
        """Make the policy under test."""

    @abstractmethod
    def reason(self) -> History:
        """Make a history that is a reason to train."""

    def test_it_trains_when_there_is_a_reason(self) -> None:
        """And says which."""
        found = self.policy().decide(self.reason())
        assert found.retrain, f"it does not train: {'; '.join(found.reasons)}"
        assert found.reasons

    def test_a_model_that_nobody_has_asked_is_left_alone(self) -> None:
        """And it says why."""
        found = self.policy().decide(make_history())
        assert not found.retrain
        assert found.reasons

    def test_it_decides_the_same_again(self) -> None:
        """By the history alone."""
        assert self.policy().decide(self.reason()) == self.policy().decide(self.reason())

    def test_it_learns_from_quiet_windows(self) -> None:
        """Where there is nothing strange, rows may be collected."""
        assert self.policy().learns_from(make_window(0))

    def test_it_tells_the_time(self) -> None:
        """In seconds since the epoch, never before the last window began."""
        assert self.policy().moment(make_history(make_window(0))) >= _START.timestamp()

    def test_it_says_what_it_is(self) -> None:
        """The class and each of its fields have a sentence."""
        kind = type(self.policy())
        assert one_line(kind), f"{kind.__name__} has no docstring"
        silent = [field.name for field in fields(kind) if not field.description]
        assert not silent, f"fields without a sentence: {', '.join(silent)}"

    def test_its_module_is_light(self) -> None:
        """It is asked in every round: its module imports no heavy library at its top."""
        source = inspect.getsource(inspect.getmodule(type(self.policy())) or type(self.policy()))
        heavy = tuple(f"{word} {name}" for word in ("import", "from") for name in _HEAVY)
        assert not [line for line in source.splitlines() if line.startswith(heavy)]
