"""Which part of each family's contract belongs to the quick tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.testing.estimator import EstimatorContract

_WHOLE = "TestMLP"
"""The family whose whole contract is quick; all train through the same code."""

_FIT_AGAIN = (
    "test_fits_the_same_from_the_same_seed",
    "test_never_reads_the_test_part",
    "test_fits_without_validation_rows",
    "test_heeds_row_weights",
)
"""Tests that need a fit beside the shared one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the slow part what other families than the simplest show in a second fit."""
    for item in items:
        family = item.parent
        if (
            Path(__file__).parent in item.path.parents
            and isinstance(item, pytest.Function)
            and isinstance(family, pytest.Class)
            and issubclass(family.obj, EstimatorContract)
            and family.name != _WHOLE
            and item.originalname in _FIT_AGAIN
        ):
            item.add_marker("slow")
