from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mlops_lightning.signals import Interrupted, StopRequest, stop_requests


class Ended(Exception):
    """What SIGTERM does in these tests."""


def end(*_: Any) -> None:
    raise Ended("by a signal")


def interrupt(stop: StopRequest) -> None:
    """Notice a signal and end the fit."""
    assert not stop
    signal.raise_signal(signal.SIGTERM)
    assert stop
    raise Interrupted


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_signal_is_noted_and_does_what_it_did_once_the_fit_has_ended() -> None:
    with pytest.raises(Ended, match="by a signal"), stop_requests() as stop:
        interrupt(stop)
    assert signal.getsignal(signal.SIGTERM) is end


def test_who_asks_twice_is_not_made_to_wait() -> None:
    with stop_requests() as stop:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Ended, match="by a signal"):
            signal.raise_signal(signal.SIGTERM)
        assert stop


def test_a_signal_that_came_too_late_changes_nothing() -> None:
    with stop_requests() as stop:
        pass
    assert not stop
    assert signal.getsignal(signal.SIGTERM) is end


def test_what_others_set_in_between_is_taken_over_and_the_first_handler_comes_back() -> None:
    with stop_requests() as stop:
        signal.signal(signal.SIGTERM, lambda *_: None)
        stop.watch()
        signal.raise_signal(signal.SIGTERM)
        assert stop
    assert signal.getsignal(signal.SIGTERM) is end


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with stop_requests() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert not stop


def test_the_end_of_another_process_ends_this_one() -> None:
    with pytest.raises(KeyboardInterrupt, match=r"^$"), stop_requests():
        raise Interrupted


def test_outside_of_the_main_thread_nothing_is_watched() -> None:
    found: list[Any] = []

    def watch() -> None:
        StopRequest().watch()
        found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    assert found == [end]
