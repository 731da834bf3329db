"""Numbers are scaled and binned as scikit-learn does it."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import (
    KBinsDiscretizer,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from mlops.formats import Roles
from mlops_features.features import Features
from mlops_features.fitting import fit
from mlops_features.plan import Plan
from mlops_features.power import fit_power
from mlops_features.selection import select
from mlops_features.transform import transform

RNG = np.random.default_rng(0)
VALUES = {
    "normal": RNG.normal(3, 2, 800),
    "skewed": RNG.lognormal(1, 1, 800),
    "negative": -RNG.lognormal(1, 1, 800),
    "tied": np.round(RNG.exponential(1, 800)),
    "large": RNG.normal(1e5, 10, 800),
}
VALUES = {name: values.astype(np.float32).astype(np.float64) for name, values in VALUES.items()}


def fitted(values: Any, **numeric: Any) -> Plan:
    columns = select(Features.model_validate({"numeric": numeric}), {"x": pl.Float64()}, roles=Roles())
    return fit(columns, pl.DataFrame({"x": values}), log=logging.getLogger("test"))


def scaled(values: Any, **numeric: Any) -> Any:
    return transform(pl.DataFrame({"x": values}), fitted(values, **numeric)).to_numpy()


@pytest.mark.parametrize("name", ["normal", "skewed", "negative", "tied"])
@pytest.mark.parametrize(
    ("scale", "other"), [("standard", StandardScaler()), ("robust", RobustScaler()), ("power", PowerTransformer())]
)
def test_scales_equal_scikit_learns(name: str, scale: str, other: Any) -> None:
    values = VALUES[name].reshape(-1, 1)
    np.testing.assert_allclose(scaled(VALUES[name], scale=scale), other.fit_transform(values), rtol=2e-4, atol=2e-3)


@pytest.mark.parametrize("name", VALUES)
def test_quantiles_equal_scikit_learns(name: str) -> None:
    other = QuantileTransformer(n_quantiles=100, subsample=None).fit_transform(VALUES[name].reshape(-1, 1))
    np.testing.assert_allclose(
        scaled(VALUES[name], scale="quantile", quantiles=100), other, atol=1e-3 if name == "large" else 1e-5
    )


@pytest.mark.parametrize("name", VALUES)
def test_normal_scores_are_near_scikit_learns(name: str) -> None:
    other = QuantileTransformer(n_quantiles=200, subsample=None, output_distribution="normal")
    expected = other.fit_transform(VALUES[name].reshape(-1, 1))
    np.testing.assert_allclose(scaled(VALUES[name], scale="normal", quantiles=200), expected, atol=0.05)


@pytest.mark.parametrize("name", ["normal", "skewed", "negative"])
@pytest.mark.parametrize(("binning", "strategy"), [("quantile", "quantile"), ("width", "uniform")])
def test_bins_equal_scikit_learns(name: str, binning: str, strategy: str) -> None:
    other = KBinsDiscretizer(8, encode="ordinal", strategy=strategy, quantile_method="linear", subsample=None)
    expected = other.fit_transform(VALUES[name].reshape(-1, 1))
    assert np.array_equal(scaled(VALUES[name], bins=8, binning=binning), expected)


def test_bins_without_rows_are_merged() -> None:
    assert scaled([0.0, 0, 0, 0, 0, 0, 0, 1], bins=4).ravel().tolist() == [0, 0, 0, 0, 0, 0, 0, 0]
    assert scaled([0.0, 0, 0, 1, 1, 1, 1, 1], bins=4).ravel().tolist() == [0, 0, 0, 1, 1, 1, 1, 1]


def test_bins_are_named_by_their_edges() -> None:
    plan = fitted([0.0, 1, 2, 3], bins=2, binned="onehot")
    assert plan.names == ("x=[-inf, 1.5)", "x=[1.5, inf)")
    assert scaled([0.0, 1, 2, 3], bins=2, binned="onehot").tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


def test_a_quantile_beyond_the_training_range_is_0_or_1() -> None:
    plan = fitted(VALUES["normal"], scale="quantile")
    assert transform(pl.DataFrame({"x": [-1e9, 1e9]}), plan)["x"].to_list() == [0, 1]


def test_normal_scores_of_extremes_are_finite() -> None:
    values = transform(pl.DataFrame({"x": [-1e9, 1e9]}), fitted(VALUES["skewed"], scale="normal"))["x"]
    assert values.to_list() == pytest.approx([-5.199, 5.199], abs=1e-3)


@pytest.mark.parametrize("scale", ["quantile", "normal", "power", "robust"])
def test_a_constant_column_stays_finite(scale: str) -> None:
    assert np.isfinite(scaled([4.0, 4, 4], scale=scale)).all()


def test_one_value_is_enough() -> None:
    assert np.isfinite(scaled([4.0], scale="normal")).all()


def test_clipping_brings_outliers_to_the_quantiles_before_scaling() -> None:
    values = np.append(np.arange(99.0), 1e6)
    made = scaled(values, clip=[0, 0.9], scale="none").ravel()
    assert made.max() == pytest.approx(89.1)
    assert made[:80].tolist() == values[:80].tolist()
    assert scaled(values, clip=[0, 0.9], scale="standard").std() == pytest.approx(1)


def test_a_constant_fill_is_not_clipped() -> None:
    made = scaled([1.0, 2, 3, None], clip=[0, 1], impute="constant", fill=-9, scale="none", indicator=False)
    assert made.ravel().tolist() == [1, 2, 3, -9]


@pytest.mark.parametrize("scale", [1e-6, 1e6, 1e12])
def test_the_power_is_found_at_any_size(scale: float) -> None:
    power = fit_power(np.append(VALUES["skewed"], VALUES["negative"]) * scale)
    made = power.apply((VALUES["normal"] * scale).astype(np.float32))
    assert np.isfinite(made).all()


@pytest.mark.parametrize("scale", ["standard", "robust"])
def test_a_spread_whose_inverse_no_float32_holds_is_left_alone(scale: str) -> None:
    column = pl.Series("x", [0.0, 1e-44, 2e-44, 3e-44], dtype=pl.Float32)
    columns = select(Features.model_validate({"numeric": {"scale": scale}}), {"x": pl.Float32()}, roles=Roles())
    plan = fit(columns, column.to_frame(), log=logging.getLogger("test"))
    assert [item.factor for item in plan.quantities] == [1.0]
