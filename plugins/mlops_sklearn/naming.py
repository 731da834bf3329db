"""From a name in a recipe to a class of scikit-learn and its parameters."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from mlops.errors import StageError
from mlops.formats.table import Task

__all__ = ["class_of", "made"]

_HOMES = (
    "calibration",
    "cross_decomposition",
    "discriminant_analysis",
    "ensemble",
    "gaussian_process",
    "linear_model",
    "naive_bayes",
    "neighbors",
    "neural_network",
    "svm",
    "tree",
)
"""Public modules whose classes a recipe may call by their names alone."""


def class_of(name: str, task: Task) -> type[BaseEstimator]:
    """Find the class that a recipe names.

    Args:
        name: ``sklearn.module.Class``, a class's name, or that without ``Classifier`` or ``Regressor``.
        task: what it must be able to do.

    Raises:
        StageError: there is none, it is not scikit-learn's own, or it does another task.
    """
    found = _dotted(name) if "." in name else _short(name, task)
    home = getattr(found, "__module__", "")
    if not isinstance(found, type) or not issubclass(found, BaseEstimator) or not home.startswith("sklearn."):
        raise _refused(f"{name} is not an estimator of scikit-learn", fix=_near(name, task))
    if not issubclass(found, _mixin(task)):
        raise _refused(f"{name} cannot do the task {task}", fix=_near(name, task))
    return found


def made(cls: type[BaseEstimator], given: Mapping[str, Any], *, seed: int) -> BaseEstimator:
    """Make an unfitted estimator; chance in it follows from ``seed``.

    Raises:
        StageError: it has no such parameter, or needs other estimators.
    """
    known = inspect.signature(cls).parameters
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            listed = ", ".join(key for key in known if key not in {"random_state", "n_jobs"})
            fix = f"did you mean {close[0]}?" if close else f"it has {listed}"
            raise StageError(f"{cls.__name__} has no parameter {name!r}", where="model.params", fix=fix)
    needed = [key for key, item in known.items() if item.default is item.empty and key not in given]
    if needed:
        raise _refused(
            f"{cls.__name__} is made of other estimators ({', '.join(needed)}), which is not supported",
            fix="name one estimator that stands for itself",
        )
    chance = {"random_state": seed % 2**32} if "random_state" in known else {}
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}
    return cls(**values, **chance)


def _dotted(name: str) -> Any:
    module_name, _, own = name.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        homes = [f"sklearn.{home}" for home in _HOMES]
        close = get_close_matches(module_name, homes, n=1)
        raise _refused(
            f"scikit-learn has no module {module_name}", fix=f"did you mean {close[0]}?" if close else ""
        ) from exc
    return vars(module).get(own)


def _short(name: str, task: Task) -> Any:
    own = dict(_public(task))
    return own.get(name) or own.get(name + _ending(task)) or dict(_public(None)).get(name)


def _public(task: Task | None) -> Iterator[tuple[str, type]]:
    """Name every public estimator (for a task)."""
    for home in _HOMES:
        module: ModuleType = importlib.import_module(f"sklearn.{home}")
        for name, value in vars(module).items():
            if not isinstance(value, type) or name.startswith("_") or not issubclass(value, BaseEstimator):
                continue
            if task is None or issubclass(value, _mixin(task)):
                yield name, value


def _mixin(task: Task) -> type:
    found: type = RegressorMixin if task == "regression" else ClassifierMixin
    return found


def _ending(task: Task) -> str:
    return "Regressor" if task == "regression" else "Classifier"


def _near(name: str, task: Task) -> str:
    short = name.rpartition(".")[2]
    stem = short.removesuffix("Classifier").removesuffix("Regressor")
    own = dict(_public(task))
    close = [stem + _ending(task)] if stem + _ending(task) in own else get_close_matches(short, own, n=3)
    return f"for {task} there is {', '.join(close)}" if close else f"{task} asks for a {_ending(task).lower()}"


def _refused(what: str, *, fix: str) -> StageError:
    return StageError(what, where="model.estimator", fix=fix)
