"""Names in a recipe lead only to scikit-learn's own estimators, and parameters that are not there are named."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops.errors import StageError
from mlops.formats.table import Task
from mlops_sklearn.estimator import Sklearn
from mlops_sklearn.naming import class_of, made


@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        ("sklearn.ensemble.RandomForestClassifier", "binary", "RandomForestClassifier"),
        ("RandomForestRegressor", "regression", "RandomForestRegressor"),
        ("RandomForest", "multiclass", "RandomForestClassifier"),
        ("RandomForest", "regression", "RandomForestRegressor"),
        ("SVR", "regression", "SVR"),
        ("GaussianNB", "binary", "GaussianNB"),
    ],
)
def test_a_name_leads_to_a_class(name: str, task: Task, expected: str) -> None:
    assert class_of(name, task).__name__ == expected


@pytest.mark.parametrize(
    ("name", "task", "message", "fix"),
    [
        ("RandomForestRegressor", "binary", "cannot do the task binary", "RandomForestClassifier"),
        ("RandomForrest", "binary", "is not an estimator", "RandomForestClassifier"),
        ("sklearn.ensembles.RandomForestClassifier", "binary", "no module sklearn.ensembles", "sklearn.ensemble"),
        ("sklearn.ensemble.RandomForrestClassifier", "binary", "is not an estimator", "RandomForestClassifier"),
        ("sklearn.base.BaseEstimator", "binary", "is not an estimator|cannot do", ""),
        ("sklearn.preprocessing.StandardScaler", "binary", "cannot do the task", "classifier"),
        ("sklearn.utils.Bunch", "binary", "is not an estimator", "classifier"),
        ("sklearn.model_selection.Path", "binary", "is not an estimator", "classifier"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(name: str, task: Task, message: str, fix: str) -> None:
    with pytest.raises(StageError, match=message) as caught:
        class_of(name, task)
    assert fix in caught.value.fix


def test_what_another_library_defines_is_refused_under_an_alias() -> None:
    # scikit-learn's modules import classes of other libraries for their own use.
    with pytest.raises(StageError, match="is not an estimator of scikit-learn"):
        class_of("sklearn.ensemble._forest.Parallel", "binary")


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "sklearn.externals.Anything",
        "sklearn.tests.Anything",
        "sklearn._private.Thing",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.svm.svc",
        "sklearnx.Model",
        "",
        "RandomForest()",
    ],
)
def test_what_cannot_name_a_public_class_is_refused_before_any_import(name: str) -> None:
    with pytest.raises(ValidationError, match="does not name a public class"):
        Sklearn(estimator=name)


@pytest.mark.parametrize("name", ["random_state", "n_jobs"])
def test_seed_and_threads_are_not_set_as_parameters(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} is not set here"):
        Sklearn(estimator="RandomForest", params={name: 1})


def test_an_estimator_within_another_is_refused() -> None:
    with pytest.raises(ValidationError, match="estimators made of other estimators are not supported"):
        Sklearn(estimator="BaggingClassifier", params={"estimator": "SVC"})


def test_one_that_needs_others_is_refused() -> None:
    with pytest.raises(StageError, match=r"StackingClassifier is made of other estimators \(estimators\)"):
        made(class_of("StackingClassifier", "binary"), {}, seed=0)


def test_an_unknown_parameter_is_named_with_one_like_it() -> None:
    with pytest.raises(StageError, match="has no parameter 'n_estimatrs'") as caught:
        made(class_of("RandomForest", "binary"), {"n_estimatrs": 3}, seed=0)
    assert caught.value.fix == "did you mean n_estimators?"
    assert caught.value.where == "model.params"


def test_an_unknown_parameter_like_no_other_lists_them() -> None:
    with pytest.raises(StageError, match="has no parameter 'zzz'") as caught:
        made(class_of("GaussianNB", "binary"), {"zzz": 3}, seed=0)
    assert caught.value.fix == "it has priors, var_smoothing"


def test_the_seed_reaches_what_has_chance_in_it() -> None:
    machine: Any = made(class_of("RandomForest", "binary"), {"max_depth": 3}, seed=2**40 + 5)
    assert (machine.random_state, machine.max_depth) == (5, 3)


def test_lists_stay_lists() -> None:
    machine: Any = made(
        class_of("MLP", "binary"), Sklearn(estimator="MLP", params={"hidden_layer_sizes": [8, 4]}).params, seed=0
    )
    assert machine.hidden_layer_sizes == [8, 4]
