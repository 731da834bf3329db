"""Any classifier or regressor of scikit-learn as a model family."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from mlops.errors import MissingExtra
from mlops.formats.features import Prepared
from mlops.formats.model import Estimator, Fitted
from mlops.stage import Context

__all__ = ["Sklearn"]

Scalar = bool | int | float | str | None

_NAME = re.compile(r"(sklearn(\.[a-z][a-z0-9_]*)+\.)?[A-Z][A-Za-z0-9]*")
_CLOSED = frozenset({"tests", "externals", "datasets", "conftest"})
"""Modules of the package that hold no models."""

_SET_ELSEWHERE = {"random_state": "set seed: of the recipe", "n_jobs": "set resources.cpus: of the train section"}
_NESTED = frozenset({"estimator", "estimators", "base_estimator", "final_estimator"})


class Sklearn(Estimator):
    """A classifier or regressor of scikit-learn, shipped as ONNX; one that cannot be is refused when fitted.

    Estimators made of other estimators (stacking, voting, pipelines) are not supported. Validation rows
    play no part in the fit: an estimator that stops early holds out train rows of its own.
    """

    libraries: ClassVar[tuple[str, ...]] = ("scikit-learn", "skl2onnx", "scipy", "numpy", "onnx", "onnxruntime")
    extra: ClassVar[str] = "sklearn"

    estimator: str
    """Its class, such as ``sklearn.ensemble.RandomForestClassifier``; or the class's name alone; or that without
    its ending, ``RandomForest``, which is then the classifier or the regressor, by task."""

    params: dict[str, Scalar | tuple[Scalar, ...]] = Field(default={})
    """Its parameters by their names in scikit-learn: numbers, text, true, false, null, or lists of these."""

    codes: Literal["onehot", "asis"] = "onehot"
    """How ordinal features go in: onehot, a 0/1 column for each code that training saw; asis, the code as a number."""

    class_weight: Literal["none", "balanced"] = "none"
    """balanced: all classes weigh the same, however many rows each has. Probabilities then shift."""

    @field_validator("estimator")
    @classmethod
    def _names_a_class_of_the_package(cls, value: str) -> str:
        if not _NAME.fullmatch(value) or _CLOSED & set(value.split(".")):
            raise PydanticCustomError(
                "estimator",
                "{value} does not name a public class of scikit-learn",
                {"value": repr(value), "fix": "write RandomForest, or sklearn.ensemble.RandomForestClassifier"},
            )
        return value

    @field_validator("params")
    @classmethod
    def _holds_only_what_is_set_here(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if name in _SET_ELSEWHERE:
                raise PydanticCustomError(
                    "params", "{name} is not set here", {"name": name, "fix": _SET_ELSEWHERE[name]}
                )
            if name in _NESTED:
                raise PydanticCustomError(
                    "params",
                    "{name}: estimators made of other estimators are not supported",
                    {"name": name, "fix": "name one estimator that stands for itself"},
                )
        return value

    def fit(self, prepared: Prepared, *, context: Context) -> Fitted:
        """Fit on train rows, and prove there that the exported graph predicts the same."""
        try:
            from mlops_sklearn.wrapping import fit
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "scikit-learn", extra=self.extra) from exc
        return fit(self, prepared, context=context)
