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
