"""Which of scikit-learn's solvers fits which task and penalty."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

from mlops.formats.table import Task

if TYPE_CHECKING:
    from mlops_sklearn.linear import Linear

__all__ = ["Solver", "solver_for"]

Array = np.ndarray[Any, Any]
Solver = Callable[[float, Array, Array, "Array | None"], tuple[Array, Array]]
"""strength, design (rows, n), target (rows,), weight → coefficients (outputs, n), intercept (outputs,)."""

_HESSIAN_LIMIT = 1_000
"""Most weights for which a Newton step, cubic in their number, beats L-BFGS."""


def solver_for(model: Linear, task: Task, *, seed: int) -> Solver:
    """Choose the solver; it keeps its last weights as the next start."""
    ratio = {"l2": 0.0, "l1": 1.0, "elastic_net": model.l1_ratio}[model.penalty]
    if task != "regression":
        return _classes(model, ratio, seed=seed)
    return _ridge if ratio == 0 else _elastic_net(model, ratio, seed=seed)


def _classes(model: Linear, ratio: float, *, seed: int) -> Solver:
    machine = LogisticRegression(l1_ratio=ratio, max_iter=model.max_iter, random_state=seed % 2**32, warm_start=True)

    def solve(strength: float, design: Array, target: Array, weight: Array | None) -> tuple[Array, Array]:
        size = design.shape[1] * (int(target.max()) + 1)
        smooth = "newton-cholesky" if size <= _HESSIAN_LIMIT else "lbfgs"
        machine.set_params(C=1 / strength, solver="saga" if ratio else smooth)
        machine.fit(design, target, sample_weight=weight)
        return machine.coef_.copy(), machine.intercept_.copy()

    return solve


def _ridge(strength: float, design: Array, target: Array, weight: Array | None) -> tuple[Array, Array]:
    machine = Ridge(alpha=strength, solver="cholesky").fit(design, target, sample_weight=weight)
    return machine.coef_.reshape(1, -1), np.atleast_1d(machine.intercept_)


def _elastic_net(model: Linear, ratio: float, *, seed: int) -> Solver:
    machine = ElasticNet(l1_ratio=ratio, max_iter=model.max_iter, random_state=seed % 2**32, warm_start=True)

    def solve(strength: float, design: Array, target: Array, weight: Array | None) -> tuple[Array, Array]:
        # Its loss is a mean over rows, ours a sum.
        machine.set_params(alpha=strength / (len(target) if weight is None else weight.sum()))
        machine.fit(design, target, sample_weight=weight)
        return machine.coef_.reshape(1, -1).copy(), np.atleast_1d(machine.intercept_).copy()

    return solve
