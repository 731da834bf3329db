"""Which columns are features, and what is said about those that cannot be."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from mlops.errors import StageError
from mlops.formats import Roles
from mlops_features.features import Features
from mlops_features.selection import select

SCHEMA = {
    "when": pl.Datetime("us"),
    "amount": pl.Float64(),
    "colour": pl.String(),
    "flag": pl.Boolean(),
    "tags": pl.List(pl.String),
    "y": pl.Int64(),
}
ROLES = Roles(target="y", task="regression", time="when")


def chosen(section: dict[str, Any]) -> dict[str, str]:
    columns = select(Features.model_validate({"drop": ["tags"], **section}), SCHEMA, roles=ROLES)
    return {column.name: column.kind for column in columns}


def test_kinds_follow_types() -> None:
    assert chosen({}) == {"amount": "numeric", "colour": "categorical", "flag": "numeric"}


def test_time_is_used_when_asked() -> None:
    assert chosen({"use_time": True})["when"] == "datetime"


def test_columns_keep_the_order_of_the_table() -> None:
    assert list(chosen({"columns": ["flag", "amount"]})) == ["amount", "flag"]


def test_override_beats_the_kinds_choices() -> None:
    section = {"categorical": {"encode": "onehot"}, "overrides": {"colour": {"encode": "ordinal"}}, "drop": ["tags"]}
    columns = select(Features.model_validate(section), SCHEMA, roles=ROLES)
    assert {c.name: c.choices.encode for c in columns}["colour"] == "ordinal"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"columns": ["amuont"]}, "did you mean 'amount'"),
        ({"drop": ["colours", "tags"]}, "did you mean 'colour'"),
        ({"overrides": {"flga": {}}}, "did you mean 'flag'"),
        ({"columns": ["y"]}, "'y' has a role"),
        ({"drop": []}, r"'tags' is List\(String\)"),
        ({"overrides": {"colour": {"kind": "numeric"}}}, "cannot be treated as numeric"),
        ({"overrides": {"amount": {"kind": "datetime"}}}, "cannot be treated as datetime"),
        ({"overrides": {"amount": {"encode": "onehot"}}}, "'encode' means nothing for the numeric column 'amount'"),
        ({"columns": ["amount"], "drop": ["amount", "tags"]}, "no column is left"),
    ],
)
def test_what_cannot_be_is_said_with_the_way_out(section: dict[str, Any], message: str) -> None:
    with pytest.raises(StageError, match=f"(?s){message}"):
        chosen(section)


def test_names_that_the_graph_needs_are_refused() -> None:
    with pytest.raises(StageError, match=r"(?s)'label'.*rename it"):
        select(Features(), {"label": pl.Float64(), "y": pl.Int64()}, roles=ROLES)


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ({"columns": ["type:numeric"]}, ["amount", "flag"]),
        ({"columns": ["type:categorical", "am*"]}, ["amount", "colour"]),
        ({"columns": ["type:text"]}, ["colour"]),
        ({"columns": ["type:datetime"], "use_time": True}, ["when"]),
        ({"columns": ["re:(amo|fl).*"]}, ["amount", "flag"]),
        ({"drop": ["ta*", "re:.*g", "colou?"]}, ["amount"]),
        ({"columns": ["*"]}, ["amount", "colour", "flag"]),
    ],
)
def test_columns_may_be_named_by_patterns(section: dict[str, Any], names: list[str]) -> None:
    assert list(chosen(section)) == names


def choices(overrides: dict[str, Any], **section: Any) -> dict[str, Any]:
    stage = Features.model_validate({"drop": ["tags"], "overrides": overrides, **section})
    return {column.name: column.choices for column in select(stage, SCHEMA, roles=ROLES)}


def test_overrides_by_pattern_come_before_those_by_name() -> None:
    made = choices({"amount": {"scale": "power"}, "type:numeric": {"scale": "robust", "impute": "mean"}})
    assert (made["amount"].scale, made["amount"].impute, made["flag"].scale) == ("power", "mean", "robust")


def test_of_two_patterns_the_later_has_the_last_word() -> None:
    made = choices({"*": {"kind": "categorical"}, "a*": {"kind": "numeric"}}, columns=["amount", "flag"])
    assert made["amount"].kind == "numeric"
    assert made["flag"].kind == "categorical"


def test_a_name_that_looks_like_a_pattern_is_a_name() -> None:
    columns = select(Features(columns=("a[1]",)), {"a[1]": pl.Float64(), "a1": pl.Float64()}, roles=Roles())
    assert [column.name for column in columns] == ["a[1]"]


def test_a_scale_of_its_own_takes_bins_away() -> None:
    made = choices({"amount": {"scale": "robust"}}, numeric={"bins": 4})
    assert (made["amount"].bins, made["flag"].bins) == (0, 4)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"columns": ["wether_*"]}, r"no column fits 'wether_\*'"),
        ({"columns": ["amuont*"]}, "did you mean 'amount'"),
        ({"drop": ["re:("]}, "not a regular expression"),
        ({"columns": ["type:number"]}, "there is no type 'number'.*'numeric'"),
        (
            {"overrides": {"type:text": {"scale": "robust"}}},
            "'scale' means nothing for the categorical column 'colour'",
        ),
        (
            {"overrides": {"colour": {"buckets": 3}}},
            "'buckets' means nothing for the column 'colour' without encode: hash",
        ),
        ({"overrides": {"colour": {"smoothing": 3}}}, "without encode: target"),
        ({"overrides": {"colour": {"encode": "hash", "max_categories": 3}}}, "without encode: ordinal or onehot"),
        ({"overrides": {"amount": {"quantiles": 9}}}, "without scale: quantile or normal"),
        ({"overrides": {"amount": {"binning": "width"}}}, "without bins.*bins: 10"),
        ({"overrides": {"amount": {"bins": 3, "scale": "robust"}}}, "both scaled and put into bins"),
    ],
)
def test_patterns_and_choices_that_cannot_be_are_explained(section: dict[str, Any], message: str) -> None:
    with pytest.raises(StageError, match=f"(?s){message}"):
        chosen(section)


@pytest.mark.parametrize(
    ("numeric", "message"),
    [
        ({"clip": [0.9, 0.1]}, "first share must be below"),
        ({"bins": 1}, "one bin says nothing"),
        ({"clip": [0, 2]}, "less"),
    ],
)
def test_choices_out_of_range_are_refused(numeric: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Features.model_validate({"numeric": numeric})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("label", "the shipped graph uses itself"),
        ("model/x", "the shipped graph uses itself"),
        ("__target__", "prepared rows use themselves"),
        ("__weight__", "prepared rows use themselves"),
        ("__bin__amount", "prepared rows use themselves"),
        ("", "stands for no single column"),
        ("*", "stands for no single column"),
        ("^a.*$", "stands for no single column"),
    ],
)
def test_a_name_that_means_something_else_is_refused(name: str, message: str) -> None:
    with pytest.raises(StageError, match=message):
        select(Features(), {name: pl.Float64(), "y": pl.Int64()}, roles=ROLES)
