"""Every encoder gives the same numbers in Polars and in the graph, whatever the rows hold."""

from __future__ import annotations

import datetime as dt
import logging
import math
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.formats import Roles
from mlops.formats.inputs import tensors
from mlops_features.features import Features
from mlops_features.fitting import fit
from mlops_features.graph import compile_graph
from mlops_features.plan import Plan
from mlops_features.selection import select
from mlops_features.supervision import Supervision
from mlops_features.transform import transform

ROWS = 300
EPOCH = dt.datetime.fromisoformat("1970-01-01")
SECTIONS: dict[str, dict[str, Any]] = {
    "standard": {},
    "robust_clipped": {"numeric": {"scale": "robust", "clip": [0.1, 0.9], "impute": "constant", "fill": -999}},
    "quantile": {"numeric": {"scale": "quantile"}},
    "quantile_missing": {"numeric": {"scale": "quantile", "impute": "none", "quantiles": 9}},
    "normal": {"numeric": {"scale": "normal", "quantiles": 50}},
    "power": {"numeric": {"scale": "power"}},
    "power_missing": {"numeric": {"scale": "power", "impute": "none", "clip": [0, 0.99]}},
    "bins": {"numeric": {"bins": 5}},
    "bins_missing": {"numeric": {"bins": 5, "impute": "none", "binning": "width"}},
    "bins_onehot": {"numeric": {"bins": 4, "binned": "onehot"}},
    "mixed": {
        "numeric": {"clip": [0.05, 1]},
        "overrides": {
            "x": {"scale": "power"},
            "y": {"bins": 3, "binned": "onehot"},
            "z": {"scale": "normal"},
            "t": {"bins": 4},
        },
    },
    "target": {"categorical": {"encode": "target"}},
    "hash": {"categorical": {"encode": "hash", "buckets": 3}},
    "frequency": {"categorical": {"encode": "frequency"}},
    "onehot": {"categorical": {"encode": "onehot", "max_categories": 2}},
    "encodings": {
        "categorical": {"encode": "target"},
        "overrides": {"d": {"encode": "hash"}, "n": {"encode": "onehot"}},
    },
    "cyclic": {"datetime": {"cyclic": True}, "numeric": {"scale": "quantile"}},
}


def training() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    missing = pl.Series(rng.random(ROWS) < 0.1)
    times = [EPOCH + dt.timedelta(hours=int(hours)) for hours in rng.integers(0, 300_000, ROWS)]
    return pl.DataFrame(
        {
            "x": pl.Series(rng.normal(5, 3, ROWS)).set(missing, None),
            "y": pl.Series(np.round(rng.lognormal(0, 2, ROWS), 1)),
            "z": pl.Series(rng.integers(-2, 3, ROWS)),
            "c": pl.Series(rng.choice(["a", "b", "c", "d"], ROWS)).set(missing, None),
            "d": pl.Series(rng.choice(["u", "v"], ROWS)),
            "n": pl.Series(rng.integers(0, 5, ROWS)),
            "t": pl.Series(times).set(missing, None),
        }
    )


def supervision(classes: int) -> Supervision:
    rng = np.random.default_rng(4)
    return Supervision(
        values=rng.integers(0, classes, ROWS).astype(float) if classes else rng.normal(size=ROWS),
        weight=rng.random(ROWS),
        classes=tuple("abcdef"[:classes]),
    )


def fitted(section: dict[str, Any], *, classes: int = 2) -> Plan:
    section = {**section, "overrides": {"n": {"kind": "categorical"}, **section.get("overrides", {})}}
    section["overrides"]["n"] = {"kind": "categorical", **section["overrides"]["n"]}
    frame = training()
    columns = select(Features.model_validate(section), dict(frame.schema), roles=Roles())
    return fit(columns, frame, log=logging.getLogger("test"), supervision=supervision(classes))


def both(plan: Plan, session: onnxruntime.InferenceSession, frame: pl.DataFrame) -> tuple[Any, Any]:
    return transform(frame, plan).to_numpy(), session.run(None, tensors(frame, plan.tensors))[0]


def session_of(plan: Plan) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(compile_graph(plan), providers=["CPUExecutionProvider"])


FLOATS = st.one_of(st.floats(width=32), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.5]), st.none())
WORDS = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "d", "u", "v", "", "never seen"]), st.text(max_size=3))
TIMES = st.one_of(
    st.none(), st.datetimes(dt.datetime.fromisoformat("0002-01-01"), dt.datetime.fromisoformat("9998-01-01"))
)
ODD_ROWS = st.lists(
    st.tuples(FLOATS, FLOATS, st.integers(-(2**31), 2**31), WORDS, WORDS, st.integers(-1, 6), TIMES), min_size=1
)


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
def test_graph_equals_polars_for_any_row(section: dict[str, Any]) -> None:
    plan = fitted(section)
    session = session_of(plan)
    exact = "power" not in str(section)

    @settings(deadline=None, max_examples=20, database=None)
    @given(ODD_ROWS)
    def check(rows: list[tuple[Any, ...]]) -> None:
        expected, found = both(plan, session, pl.DataFrame(rows, schema=training().schema, orient="row"))
        assert found.shape == (len(rows), len(plan.names))
        if exact:
            assert np.array_equal(found, expected, equal_nan=True)
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)

    check()


@pytest.mark.parametrize("classes", [0, 2, 4])
def test_graph_equals_polars_for_means_of_any_target(classes: int) -> None:
    plan = fitted(SECTIONS["target"], classes=classes)
    expected, found = both(plan, session_of(plan), training())
    assert np.array_equal(found, expected, equal_nan=True)
    assert [name for name in plan.names if name.startswith("c__mean")] == (
        [f"c__mean={label}" for label in "abcd"] if classes > 2 else ["c__mean"]
    )


def test_the_graph_stays_small() -> None:
    section = {**SECTIONS["encodings"], "numeric": {"scale": "quantile"}, "drop": ["t"]}
    operators = [node.op_type for node in onnx.load_from_string(compile_graph(fitted(section))).graph.node]
    assert operators.count("LabelEncoder") == 3
    assert operators.count("TreeEnsembleRegressor") == 1
    assert len(operators) < 26


def test_a_bucket_of_its_own_is_for_categories_never_seen() -> None:
    plan = fitted(SECTIONS["hash"])
    odd = training().head(1).with_columns(c=pl.lit("never seen"))
    assert transform(odd, plan)["c"].to_list() == [3]
    assert set(transform(training(), plan)["c"].to_list()) <= {0, 1, 2}
    assert "c" in plan.coded


def test_buckets_do_not_depend_on_the_rows() -> None:
    columns = select(Features.model_validate(SECTIONS["hash"]), {"c": pl.String()}, roles=Roles())
    log = logging.getLogger("test")
    first, second = (
        fit(columns, pl.DataFrame({"c": values}), log=log) for values in (["a", "b"], ["b", "b", "z", "a"])
    )
    frame = pl.DataFrame({"c": ["a", "b"]})
    assert transform(frame, first).equals(transform(frame, second))


def test_frequency_is_the_share_of_training_rows() -> None:
    columns = select(Features.model_validate(SECTIONS["frequency"]), {"c": pl.String()}, roles=Roles())
    plan = fit(columns, pl.DataFrame({"c": ["a", "a", None, "b"]}), log=logging.getLogger("test"))
    frame = pl.DataFrame({"c": ["a", None, "b", "z"]})
    assert transform(frame, plan).to_dict(as_series=False) == {"c__share": [0.5, 0.25, 0.25, 0]}
