from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mlops_lightning.schedules import factor

SHAPES = ["constant", "cosine", "linear", "onecycle", "plateau"]


@given(some.sampled_from(SHAPES), some.integers(1, 400), some.floats(0, 0.9), some.data())
def test_a_factor_is_above_0_and_at_most_1(shape: Any, total: int, warmup: float, data: Any) -> None:
    step = data.draw(some.integers(0, total - 1))
    assert 0 < factor(shape, step, total=total, warmup=warmup) <= 1


@pytest.mark.parametrize("shape", ["cosine", "linear", "onecycle"])
def test_it_rises_then_falls_nearly_to_nothing(shape: Any) -> None:
    curve = [factor(shape, step, total=100, warmup=0.1) for step in range(100)]
    top = curve.index(max(curve))
    assert curve[: top + 1] == sorted(curve[: top + 1])
    assert curve[top:] == sorted(curve[top:], reverse=True)
    assert max(curve) == pytest.approx(1)
    assert curve[-1] < 0.02


def test_constant_stays_at_1_after_its_warmup() -> None:
    assert [factor("constant", step, total=10, warmup=0.2) for step in range(5)] == [1 / 3, 2 / 3, 1, 1, 1]
