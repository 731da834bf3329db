from __future__ import annotations

import pytest

from mlops.executors import local
from mlops.executors.local import Local
from mlops.services.executor import Cancellation
from mlops.stage import Resources


def test_a_wish_ends_what_runs() -> None:
    ended: list[str] = []
    wish = Cancellation()
    with wish.ends(lambda: ended.append("one")), wish.ends(lambda: ended.append("two")):
        wish.ask()
    assert ended == ["one", "two"]
    assert wish.asked


def test_a_wish_that_came_before_ends_at_once() -> None:
    ended: list[str] = []
    wish = Cancellation()
    wish.ask()
    with wish.ends(lambda: ended.append("one")):
        assert ended == ["one"]


def test_what_is_over_is_not_ended() -> None:
    ended: list[str] = []
    wish = Cancellation()
    with wish.ends(lambda: ended.append("one")):
        pass
    wish.ask()
    assert ended == []


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of four cores and 8 GiB."""
    monkeypatch.setattr(local, "cores", lambda: 4)
    monkeypatch.setattr(local, "memory", lambda: 8 * 2**30)


@pytest.mark.usefixtures("four")
class TestRoom:
    def test_stages_that_ask_for_nothing_share_the_cores(self) -> None:
        assert Local(parallel=2).threads() == 2
        assert Local(parallel=2).fits(Resources(), [Resources()])
        assert not Local(parallel=2).fits(Resources(), [Resources(), Resources()])

    def test_cores_are_summed(self) -> None:
        assert Local(parallel=4, cpus=1).fits(Resources(cpus=3), [Resources()])
        assert not Local(parallel=4, cpus=1).fits(Resources(cpus=3), [Resources(), Resources()])

    def test_memory_is_summed(self) -> None:
        executor = Local(parallel=4)
        assert executor.fits(Resources(memory="4GiB"), [Resources(memory="4GiB")])
        assert not executor.fits(Resources(memory="5GiB"), [Resources(memory="4GiB")])

    def test_one_stage_at_a_time_uses_the_gpus(self) -> None:
        assert not Local(parallel=4).fits(Resources(gpus=1), [Resources(gpus=1)])
        assert Local(parallel=4).fits(Resources(gpus=1), [Resources()])
