"""Torch's settings for one fit, and their return to what they were."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch

__all__ = ["draw_anew", "random_state", "restore_random_state", "settings"]

Level = Literal["strict", "seeded", "fast"]

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
_NUMPY_SEEDS = 2**32


@contextmanager
def settings(level: Level, *, seed: int, threads: int) -> Iterator[None]:
    """Set threads, kernels and seeds for the block.

    Args:
        level: strict: kernels that always give the same bits (an operation without one is an error), and a
            single thread on the CPU, so that the order of sums does not depend on how many there are.
            seeded: all chance comes from the seed; sums on a CPU depend on the number of threads, some
            kernels of a GPU add in any order. fast: as seeded, with the quickest kernels and TF32.
        seed: where all chance comes from.
        threads: threads of the CPU.
    """
    kept = _current()
    try:
        _set(level, threads=threads)
        _seed(seed)
        yield
    finally:
        _restore(kept)


def _seed(seed: int) -> None:
    torch.manual_seed(seed % 2**63)
    random.seed(seed)
    np.random.seed(seed % _NUMPY_SEEDS)  # noqa: NPY002 - a user's own module may use it


def draw_anew(seed: int, *places: int) -> None:
    """Start all chance anew for a place of a fit, such as a step and a process; other places draw otherwise."""
    _seed(int(np.random.SeedSequence([seed % 2**63, *places]).generate_state(1, np.uint64)[0]))


def _set(level: Level, *, threads: int) -> None:
    strict, fast = level == "strict", level == "fast"
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(1 if strict else threads)
    torch.use_deterministic_algorithms(strict)
    torch.backends.cudnn.deterministic = not fast
    torch.backends.cudnn.benchmark = fast
    torch.set_float32_matmul_precision("high" if fast else "highest")
    torch.backends.cudnn.allow_tf32 = fast
    if strict:
        os.environ.setdefault(_CUBLAS, ":4096:8")


def _current() -> dict[str, Any]:
    return {
        "random": random_state(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "cudnn": (
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.allow_tf32,
        ),
        "matmul": torch.get_float32_matmul_precision(),
        "cublas": os.environ.get(_CUBLAS),
        "grad": torch.is_grad_enabled(),
    }


def _restore(kept: dict[str, Any]) -> None:
    restore_random_state(kept["random"])
    torch.set_num_threads(kept["threads"])
    torch.set_default_dtype(kept["dtype"])
    torch.use_deterministic_algorithms(kept["deterministic"], warn_only=kept["warn_only"])
    deterministic, benchmark, tf32 = kept["cudnn"]
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.benchmark = benchmark
    torch.backends.cudnn.allow_tf32 = tf32
    torch.set_float32_matmul_precision(kept["matmul"])
    torch.set_grad_enabled(kept["grad"])
    if kept["cublas"] is None:
        os.environ.pop(_CUBLAS, None)


def random_state() -> dict[str, Any]:
    """Take the state of every source of chance that a network may draw from."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 - as above
    return {
        "torch": torch.get_rng_state(),
        # A GPU that nothing has used has drawn nothing; to ask it would take some of its memory.
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],  # type: ignore[no-untyped-call]  # torch leaves it untyped
        "python": random.getstate(),
        "numpy": (kind, np.asarray(keys), *rest),
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Set what `random_state` took."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002 - as above
