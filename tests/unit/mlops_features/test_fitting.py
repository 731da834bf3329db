"""What features learn from train rows."""

from __future__ import annotations

import logging
from typing import Any

import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats import Roles
from mlops_features.features import Features
from mlops_features.fitting import fit
from mlops_features.plan import Plan
from mlops_features.selection import select
from mlops_features.transform import transform

LOG = logging.getLogger("test")


def fitted(frame: pl.DataFrame, **section: Any) -> Plan:
    columns = select(Features.model_validate(section), dict(frame.schema), roles=Roles())
    return fit(columns, frame, log=LOG)


def prepared(frame: pl.DataFrame, plan: Plan) -> dict[str, list[float]]:
    return transform(frame, plan).to_dict(as_series=False)


def test_missing_numbers_become_the_median_with_an_indicator() -> None:
    frame = pl.DataFrame({"x": [1.0, None, 3.0, 11.0]})
    plan = fitted(frame, numeric={"scale": "none"})
    assert prepared(frame, plan) == {"x": [1, 3, 3, 11], "x__missing": [0, 1, 0, 0]}


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_counts_as_missing(odd: float) -> None:
    plan = fitted(pl.DataFrame({"x": [2.0, 2.0, odd]}), numeric={"scale": "none", "impute": "mean"})
    assert prepared(pl.DataFrame({"x": [odd]}), plan) == {"x": [2], "x__missing": [1]}


def test_no_indicator_where_training_misses_nothing() -> None:
    assert fitted(pl.DataFrame({"x": [1.0, 2.0]})).names == ("x",)


def test_nothing_is_imputed_when_told_so() -> None:
    plan = fitted(pl.DataFrame({"x": [1.0, None]}), numeric={"impute": "none", "scale": "none"})
    assert transform(pl.DataFrame({"x": [None]}, schema={"x": pl.Float64}), plan)["x"].is_nan().all()
    assert plan.names == ("x",)


def test_standard_scale_has_mean_zero_and_deviation_one() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 3.0, 6.0]})
    values = transform(frame, fitted(frame))["x"]
    assert values.mean() == pytest.approx(0, abs=1e-6)
    assert values.std(ddof=0) == pytest.approx(1)


def test_robust_scale_subtracts_the_median_and_divides_by_the_quartile_range() -> None:
    frame = pl.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 100.0]})
    assert prepared(frame, fitted(frame, numeric={"scale": "robust"})) == {"x": [-1, -0.5, 0, 0.5, 49]}


def test_a_constant_column_is_not_divided_by_zero() -> None:
    frame = pl.DataFrame({"x": [5, 5, 5]})
    assert prepared(frame, fitted(frame)) == {"x": [0, 0, 0]}


def test_codes_follow_frequency_then_name() -> None:
    plan = fitted(pl.DataFrame({"c": ["b", "a", "z", "z"]}))
    assert prepared(pl.DataFrame({"c": ["z", "a", "b"]}), plan) == {"c": [0, 1, 2]}


def test_unknown_and_rare_categories_share_the_last_code() -> None:
    frame = pl.DataFrame({"c": ["a"] * 60 + ["b"] * 39 + ["r"]})
    plan = fitted(frame, categorical={"min_frequency": 0.02})
    assert prepared(pl.DataFrame({"c": ["r", "never", None, "b"]}), plan) == {"c": [2, 2, 2, 1]}


def test_null_is_a_category_where_training_has_nulls() -> None:
    frame = pl.DataFrame({"c": ["a", None, None]})
    plan = fitted(frame, categorical={"encode": "onehot"})
    assert prepared(frame, plan) == {"c=(null)": [0, 1, 1], "c=a": [1, 0, 0]}


def test_an_unknown_category_has_no_flag_when_training_grouped_none() -> None:
    plan = fitted(pl.DataFrame({"c": ["a", "b"]}), categorical={"encode": "onehot"})
    assert prepared(pl.DataFrame({"c": ["new"]}), plan) == {"c=a": [0], "c=b": [0]}


def test_the_rarest_beyond_the_most_categories_are_grouped() -> None:
    frame = pl.DataFrame({"c": ["a", "a", "a", "b", "b", "c"]})
    plan = fitted(frame, categorical={"encode": "onehot", "max_categories": 1})
    assert plan.names == ("c=a", "c=(other)")


def test_a_whole_number_can_be_a_category() -> None:
    frame = pl.DataFrame({"n": [7, 7, 9]})
    plan = fitted(frame, overrides={"n": {"kind": "categorical"}})
    assert prepared(frame, plan) == {"n": [0, 0, 1]}
    assert plan.inputs[0].allowed == ("7", "9")


def test_a_date_gives_no_time_of_day() -> None:
    frame = pl.DataFrame({"d": ["2024-02-29"]}).with_columns(pl.col("d").str.to_date())
    plan = fitted(frame, datetime={"parts": ["month", "hour", "dayofyear"]}, numeric={"scale": "none"})
    assert prepared(frame, plan) == {"d__month": [2], "d__dayofyear": [60]}


def test_a_missing_time_lies_in_the_middle_of_the_circle() -> None:
    frame = pl.DataFrame({"t": ["2024-01-01T06:00:00", None]}).with_columns(pl.col("t").str.to_datetime())
    plan = fitted(frame, datetime={"parts": ["hour"], "cyclic": True})
    assert prepared(frame, plan) == {"t__hour__sin": [1, 0], "t__hour__cos": [pytest.approx(0, abs=1e-7), 0]}


def test_a_zone_counts_as_utc() -> None:
    frame = pl.DataFrame({"t": ["2024-01-01T00:30:00"]}).with_columns(
        pl.col("t").str.to_datetime(time_zone="Europe/Berlin")
    )
    plan = fitted(frame, datetime={"parts": ["hour", "day"]}, numeric={"scale": "none"})
    assert prepared(frame, plan) == {"t__hour": [23], "t__day": [31]}


def test_a_column_without_a_value_is_left_out_aloud(caplog: pytest.LogCaptureFixture) -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0], "e": [None, None]}, schema={"x": pl.Float64, "e": pl.String})
    assert fitted(frame).names == ("x",)
    assert "'e' has no value" in caplog.text


def test_nothing_to_learn_from_is_an_error() -> None:
    with pytest.raises(StageError, match="no column has a value"):
        fitted(pl.DataFrame({"x": [None]}, schema={"x": pl.Float64}))


def test_two_features_of_one_name_are_refused() -> None:
    frame = pl.DataFrame({"x": [1.0, None], "x__missing": [1, 2]})
    with pytest.raises(StageError, match="two features would be called 'x__missing'"):
        fitted(frame)


def test_the_example_is_typical_and_nobodys_own() -> None:
    frame = pl.DataFrame({"n": [1, 2, 90], "x": [0.0, 1.0, 4.0], "c": ["a", "b", "b"], "f": [True, True, False]})
    assert fitted(frame).example == {"n": 2, "x": 1.0, "c": "b", "f": True}
