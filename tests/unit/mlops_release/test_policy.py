from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from mlops.services.monitor import Finding, Window
from mlops.services.policy import Decision, History
from mlops_release.policy import Alarmed, WindowsPolicy

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = 86400.0


def window(number: int, *kinds: Any, labels: int = 1000) -> Window:
    found = tuple(Finding(kind, "x", 1.0, 0.1, 0.0, True, f"x: {kind}") for kind in kinds)
    start, end = START + timedelta(days=number), START + timedelta(days=number + 1)
    return Window(start.isoformat(), end.isoformat(), 1000, labels, (1,), found)


def decided(*windows: Window, last: float | None = None, seen: str = "", now: float = 40.0, **keys: Any) -> Decision:
    moment = START.timestamp() + now * DAY
    began = None if last is None else START.timestamp() + last * DAY
    return WindowsPolicy(**keys).decide(History(windows, 1, moment, began, seen))


def test_quiet_windows_are_no_reason() -> None:
    assert not decided(window(0), window(1)).retrain


def test_one_decayed_window_is_a_reason() -> None:
    found = decided(window(0), window(1, "performance"))
    assert found.retrain
    assert "x: performance" in found.reasons[0]


def test_drift_must_last() -> None:
    assert not decided(window(0, "drift"), window(1)).retrain
    assert decided(window(0, "drift"), window(1), window(2, "drift")).retrain
    assert not decided(window(0, "drift"), window(1), window(2), window(3, "drift")).retrain


def test_windows_that_the_last_retraining_saw_do_not_count() -> None:
    found = decided(window(0, "performance"), window(1), seen=window(0).start, last=1.0)
    assert not found.retrain


def test_cooldown_holds_back_and_says_so() -> None:
    found = decided(window(39, "performance"), last=39.5, now=40.0, cooldown="1d")
    assert not found.retrain
    assert "but the last retraining was 12.0 h ago" in found.reasons[1]


def test_too_few_new_labels_hold_back() -> None:
    found = decided(window(0, "performance", labels=10), min_new_labels=50)
    assert not found.retrain
    assert "only 10 new labels" in found.reasons[1]


def test_age_alone_may_be_a_reason() -> None:
    assert decided(window(39), last=1.0, every="30d").retrain
    assert not decided(window(39), last=20.0, every="30d").retrain


def test_data_may_be_the_clock() -> None:
    found = decided(window(5, "performance"), last=5.5, now=400.0, clock="data", cooldown="2d")
    assert not found.retrain


def test_kinds_can_be_chosen() -> None:
    rule = (Alarmed(at_least=1, of=1, kinds=("performance",)),)
    assert not decided(window(0, "drift"), when=rule).retrain


def test_impossible_rule_is_refused() -> None:
    with pytest.raises(ValidationError, match="cannot be more than"):
        Alarmed(at_least=4, of=3)


def test_window_that_went_on_after_the_last_retraining_counts() -> None:
    known = window(0, "performance")
    moment = START.timestamp() + 40 * DAY
    early = History((known,), 1, moment, START.timestamp(), known.start, seen_rows=100)
    late = replace(early, seen_rows=900)
    assert WindowsPolicy().decide(early).retrain
    assert not WindowsPolicy().decide(late).retrain


def test_suspected_fault_is_no_reason_and_nothing_to_learn_from() -> None:
    far = window(1, "drift", "performance")
    found = decided(window(0), far, suspect=3.0)
    assert not found.retrain
    assert "it looks like a fault: x: drift" in found.reasons[-1]
    assert not WindowsPolicy(suspect=3.0).learns_from(far)
    assert WindowsPolicy(suspect=30.0).learns_from(far)
    assert WindowsPolicy().learns_from(far)


def test_old_model_that_was_never_retrained_is_trained_again() -> None:
    history = History((window(0),), 1, START.timestamp() + 40 * DAY, None, "", registered=START.timestamp())
    assert "40.0 days old" in WindowsPolicy(every=30 * DAY).decide(history).reasons[0]
    assert not WindowsPolicy(every=50 * DAY).decide(history).retrain
    replay = WindowsPolicy(every=30 * DAY, clock="data")
    assert not replay.decide(history).retrain
    assert replay.decide(replace(history, windows=(window(0), window(30)))).retrain
