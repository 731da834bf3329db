from __future__ import annotations

import os
import random
from typing import Any, Literal

import numpy as np
import pytest
import torch

from mlops_lightning.determinism import draw_anew, random_state, restore_random_state, settings


def draws() -> list[float]:
    return [float(torch.rand(())), random.random(), float(np.random.rand())]  # noqa: NPY002 - the global source is meant


def test_all_chance_comes_from_the_seed() -> None:
    found = []
    for seed in (1, 1, 2):
        with settings("seeded", seed=seed, threads=1):
            found.append(draws())
    assert found[0] == found[1]
    assert not set(found[0]) & set(found[2])


@pytest.mark.parametrize("seed", [-1, 2**70])
def test_any_number_is_a_seed(seed: int) -> None:
    with settings("seeded", seed=seed, threads=1):
        assert draws()


def test_chance_goes_on_where_its_state_was_taken() -> None:
    with settings("seeded", seed=1, threads=1):
        state = random_state()
        first = draws()
        restore_random_state(state)
        assert draws() == first


@pytest.mark.parametrize(
    ("level", "threads", "matmul"), [("strict", 1, "highest"), ("seeded", 2, "highest"), ("fast", 2, "high")]
)
def test_each_level_sets_kernels_and_threads(
    level: Literal["strict", "seeded", "fast"], threads: int, matmul: str
) -> None:
    with settings(level, seed=0, threads=2):
        assert torch.get_num_threads() == threads
        assert torch.are_deterministic_algorithms_enabled() == (level == "strict")
        assert torch.get_float32_matmul_precision() == matmul
        assert ("CUBLAS_WORKSPACE_CONFIG" in os.environ) == (level == "strict")


def facts() -> list[Any]:
    return [
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.benchmark,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
        torch.get_rng_state().tolist(),
    ]


def fail() -> None:
    torch.rand(3)
    raise ValueError("stop")


def test_all_is_as_before_even_after_an_error() -> None:
    before = facts()
    with pytest.raises(ValueError, match="stop"), settings("strict", seed=0, threads=2):
        fail()
    assert facts() == before


def test_each_place_of_a_fit_draws_chance_of_its_own_and_the_same_each_time() -> None:
    def drawn(*places: int) -> tuple[float, float, float]:
        with settings("seeded", seed=3, threads=1):
            draw_anew(3, *places)
            return torch.rand(1).item(), random.random(), float(np.random.rand())  # noqa: NPY002 - what a user's module may draw

    places = [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [drawn(*place) for place in places] == [drawn(*place) for place in places]
    assert len({drawn(*place) for place in places}) == len(places)
