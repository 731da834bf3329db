"""From the name of a family to its class; what a saved model names is looked up here only."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

from mlops.errors import StageError
from mlops_lightning.estimator import NeuralEstimator

__all__ = ["family_of", "known_family", "name_of"]

_PACKAGE = "mlops_lightning."


def name_of(family: type[NeuralEstimator]) -> str:
    """Give a class's dotted name."""
    return f"{family.__module__}.{family.__qualname__}"


def family_of(name: str) -> type[NeuralEstimator]:
    """Import the class of a recipe's own fit; the recipe was checked, so any family may be named."""
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute)
    if not (isinstance(found, type) and issubclass(found, NeuralEstimator)):
        raise StageError(f"{name} is no NeuralEstimator")
    return found


def known_family(name: str) -> type[NeuralEstimator]:
    """Find the class that a saved model names: only the families of this package are known.

    Raises:
        StageError: it is none of them.
    """
    module, _, attribute = name.rpartition(".")
    if module.startswith(_PACKAGE) and attribute.isidentifier() and find_spec(module) is not None:
        found = getattr(importlib.import_module(module), attribute, None)
        if isinstance(found, type) and issubclass(found, NeuralEstimator) and found.__module__ == module:
            return found
    raise StageError(
        f"the saved network is of the family {name}, which is not one of mlops_lightning",
        fix="load it through its own class: FittedNetwork.of(TheFamily).load(folder)",
    )
